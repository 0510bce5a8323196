"""What a run writes down of what it learnt, with a model's words and without."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.mutate.answers.insight import read_insight, rule_insight
from evolve.mutate.mutation import Example

BEFORE = Example(
    3,
    "WEIGHT = 0.5\n\n\ndef rank(items):\n    return items[:2]\n\n\ndef place(n, items):\n    return rank(items)\n",
    "ok",
    41.5,
    {},
    (("train/0", 40.0, ""), ("train/1", 43.0, ""), ("train/2", 41.5, "")),
)
AFTER = dataclasses.replace(
    BEFORE,
    id=9,
    source=BEFORE.source.replace("0.5", "0.8").replace("items[:2]", "sorted(items)[:3]"),
    score=44.0,
    instances=(("train/0", 52.5, ""), ("train/1", 38.0, ""), ("train/2", 41.5, "")),
)
BROKEN = dataclasses.replace(
    BEFORE,
    id=10,
    source=BEFORE.source.replace("return rank(items)", "return [i for i in items if i / 0]"),
    status="error",
    score=None,
    instances=(("train/0", None, 'Traceback:\n  File "program.py", line 9\nZeroDivisionError: division by zero'),),
)


@pytest.mark.parametrize(
    ("text", "line", "detail"),
    [
        (
            "Insight: Sort first.\nDetail: It helps on train/1.\nTry ties.",
            "Sort first.",
            "It helps on train/1.\nTry ties.",
        ),
        ("**Insight:** Sort first.\n\n**Detail:** It helps.", "Sort first.", "It helps."),
        ("## Lesson: Sort first.\n- Details: It helps.", "Sort first.", "It helps."),
        ("<think>\nInsight: no\n</think>\nInsight: Sort first.\n\nIt helps.", "Sort first.", "It helps."),
        ("```\nLine: Sort\nfirst.\nDetail: It helps.\n```", "Sort first.", "It helps."),
        ("Sort first.\n\nIt helps.", "Sort first.", "It helps."),
        ("Detail: It helps.", "Detail: It helps.", ""),
        ("Insight:\nDetail:\n", "", ""),
        ("", "", ""),
        ("\x1b[2J\u202eSort\x00 first.", "[2JSort first.", ""),
    ],
    ids=range(10),
)
def test_an_insight_is_read_leniently(text: str, line: str, detail: str) -> None:
    assert read_insight(text) == (line, detail)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=400) | st.lists(st.sampled_from(["Insight:", "Detail:", "x" * 900, "\n", "```", " "])).map("".join)
)
def test_an_insight_is_short_and_printable_whatever_was_written(text: str) -> None:
    line, detail = read_insight(text)
    assert len(line) <= 300 and line.isprintable()
    assert len(detail) <= 1_500 and detail.replace("\n", "").isprintable()
    assert line or not detail


def test_a_megabyte_of_words_is_cut() -> None:
    line, detail = read_insight("Insight: " + "word " * 100_000 + "\nDetail: " + "more " * 100_000)
    assert len(line) == 300 and line.endswith("...")
    assert len(detail) <= 1_500


def test_the_rule_names_what_changed_and_what_it_brought_and_where() -> None:
    line, detail = rule_insight([(BEFORE, AFTER)])
    assert line == (
        "WEIGHT 0.5 -> 0.8, rank 2 -> 3, calls sorted: "
        "+2.50 to 44.00, most on train/0 (+12.50), against it train/1 (-5.00)"
    )
    assert detail == f"- 3 to 9: {line}; train/0 +12.50, train/1 -5.00; 1 of 3 instances unchanged"


def test_the_rule_tells_of_failures_by_their_exception() -> None:
    line, detail = rule_insight([(AFTER, BROKEN)])
    assert "error (ZeroDivisionError: division by zero)" in line
    assert rule_insight([(BROKEN, BEFORE)])[0].endswith("runs again at 41.50")
    assert detail.startswith("- 9 to 10: ")


def test_the_rule_puts_the_greatest_change_first_and_takes_as_many_as_a_line_holds() -> None:
    small = dataclasses.replace(AFTER, id=11, score=42.0)
    great = dataclasses.replace(AFTER, id=12, score=70.0)
    line, detail = rule_insight([(BEFORE, small), (BEFORE, great)] * 3)
    assert "to 70.00" in line.partition(";")[0]
    assert len(line) <= 300 and not line.endswith("...")
    assert detail.count("\n- ") == 5
    assert len(detail) <= 1_500
    assert rule_insight([(BEFORE, great), (BEFORE, small)]) == rule_insight([(BEFORE, small), (BEFORE, great)])


def test_the_rule_tells_of_functions_that_came_and_went() -> None:
    without = dataclasses.replace(
        BEFORE,
        id=5,
        source="WEIGHT = 0.5\n\n\ndef place(n, items):\n    return best(items)\n\n\ndef best(x):\n    return x\n",
    )
    line, _ = rule_insight([(BEFORE, without)])
    assert line == "new best, without rank, changed place: +0.00 to 41.50"


def test_there_is_nothing_to_say_of_nothing_and_no_program_makes_the_rule_raise() -> None:
    assert rule_insight([]) == ("", "")
    for source in (
        "(",
        "x = " + "-" * 5_000 + "1",
        f"x = 0x{'f' * 9_000}",
        "",
        "lambda: 0",
        BEFORE.source + "# more\n",
    ):
        odd = dataclasses.replace(BEFORE, id=6, source=source, instances=())
        line, _ = rule_insight([(BEFORE, odd), (odd, BEFORE)])
        assert (not line or line.isprintable()) and len(line) <= 300
    assert rule_insight([(BEFORE, odd)]) == ("", ""), "the same but for layout"


def test_the_rule_quotes_a_line_that_was_changed_and_says_nothing_where_it_cannot_name_the_change() -> None:
    one = dataclasses.replace(BEFORE, source=BEFORE.source.replace("items[:2]", "items"))
    assert rule_insight([(BEFORE, one)])[0].startswith("'return items[:2]' -> 'return items', changed rank: ")
    two = dataclasses.replace(one, source=one.source.replace("rank(items)\n", "rank(items) or items\n"))
    assert rule_insight([(BEFORE, two)]) == ("", "")
