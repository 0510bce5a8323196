"""What a model may write, and what becomes of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import constants, edit, program_in, trivial

from evolve.mutate.answers.answer import MAX_ANSWER_CHARS, read_answer
from evolve.mutate.answers.evolve_block import editable_lines
from evolve.mutate.mutation import Kind
from evolve.mutate.source import check

PARENT = """\
import math

X = 1.0


def answer() -> float:
    total = 0.0
    for step in range(3):
        total += X
    for step in range(3):
        total += X
    return total
"""

MARKED = """\
from __future__ import annotations

LIMIT = 9
# EVOLVE-BLOCK-START
X = 1.0


def step() -> float:
    return X


# EVOLVE-BLOCK-END
def answer() -> float:
    return min(LIMIT, step())
"""

WHOLE = "def answer():\n    return 42.0\n"


def child_of(text: str, parent: str = PARENT, kind: str = "edit") -> str:
    proposal = read_answer(parent, text, kind, ("answer",))
    assert proposal.error == ""
    assert proposal.source is not None
    assert check(proposal.source, ("answer",)) == ""
    return proposal.source


def error_of(text: str, parent: str = PARENT, kind: str = "edit") -> str:
    proposal = read_answer(parent, text, kind, ("answer",))
    assert proposal.source is None
    assert proposal.error
    assert "\n" not in proposal.error
    return proposal.error


def fenced(program: str, language: str = "python") -> str:
    return f"Here it is:\n\n```{language}\n{program}```\nIt is better.\n"


# Edits


def test_an_edit_replaces_the_lines_it_names_and_no_others() -> None:
    assert child_of(edit("X = 1.0", "X = 2.0")) == PARENT.replace("X = 1.0", "X = 2.0")


def test_edits_are_all_found_in_the_parent_as_it_was() -> None:
    child = child_of(edit("    return total", "    return total + Y") + edit("X = 1.0", "X = 2.0\nY = 1.0"))
    assert child == PARENT.replace("return total", "return total + Y").replace("X = 1.0", "X = 2.0\nY = 1.0")


def test_an_empty_replace_deletes() -> None:
    assert child_of(edit("import math\n", "")) == PARENT.replace("import math\n\n", "\n")


def test_edits_inside_a_fence_are_read() -> None:
    assert child_of(fenced(edit("X = 1.0", "X = 2.0"), "diff")) == PARENT.replace("X = 1.0", "X = 2.0")


def test_windows_line_ends_are_read() -> None:
    text = edit("X = 1.0\n\n\ndef answer() -> float:", "X = 2.0\n\n\ndef answer() -> float:").replace("\n", "\r\n")
    assert child_of(text) == PARENT.replace("X = 1.0", "X = 2.0")
    assert child_of(text, PARENT.replace("\n", "\r\n")) == PARENT.replace("X = 1.0", "X = 2.0")


def test_a_match_may_differ_in_spaces_at_line_ends_and_blank_lines_around_it() -> None:
    assert child_of(edit("\nX = 1.0  \n\n\ndef answer() -> float:\n\n", "X = 2.0\n\n\ndef answer() -> float:")) == (
        PARENT.replace("X = 1.0", "X = 2.0")
    )


@pytest.mark.parametrize("indent", ["", "  ", "        "])
def test_a_match_may_differ_in_an_even_indentation_which_the_replacement_takes_over(indent: str) -> None:
    search = f"{indent}total = 0.0\n{indent}for step in range(3):\n{indent}    total += X"
    replace = f"{indent}total = 1.0\n\n{indent}for step in range(4):\n{indent}    total += X"
    expected = PARENT.replace("total = 0.0\n    for step in range(3)", "total = 1.0\n\n    for step in range(4)")
    assert child_of(edit(search, replace)) == expected


def test_an_edit_is_read_when_a_whole_program_was_asked_for() -> None:
    proposal = read_answer(PARENT, edit("X = 1.0", "X = 2.0"), "rewrite", ("answer",))
    assert (proposal.kind, proposal.error) == ("edit", "")


def test_thoughts_left_in_the_answer_are_passed_over() -> None:
    assert child_of("<think>\n" + edit("X = 1.0", "X = 9.0") + "</think>\n" + edit("X = 1.0", "X = 2.0")) == (
        PARENT.replace("X = 1.0", "X = 2.0")
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (edit("Y = 1.0", "Y = 2.0"), "block 1 matches nowhere: its SEARCH begins with `Y = 1.0`"),
        (edit("X = 1.0", "X = 2.0") + edit("gone", ""), "block 2 matches nowhere"),
        (edit("X = 1", "X = 2"), "block 1 matches nowhere"),  # half a line is no match
        (edit("        total += X", "        total -= X"), "block 1 matches 2 times: at lines 9, 11"),
        (edit("total += X", "total -= X"), "block 1 matches 2 times: at lines 9, 11"),
        (edit("total = 0.0\n  for step in range(3):", "x"), "block 1 matches but for its indentation"),
        (edit("", "    return Y"), "block 1 does not say where its indented lines belong"),
        (edit(" \n\t", ""), "block 1 is empty"),
        (edit("X = 1.0", "X = 1.0"), "no change"),
        (edit("X = 1.0", "X = 1.0   "), "no change"),
        (
            edit("X = 1.0", "X = 2.0") + edit("X = 1.0", "X = 3.0"),
            "blocks 1 and 2 change the same lines; nothing applied",
        ),
        (edit("import math\n\nX = 1.0", "X = 3.0") + edit("X = 1.0", "X = 2.0"), "blocks 1 and 2 change the same"),
        (edit("X = 1.0", "X = (2.0"), "the changed program is broken: line 3: '(' was never closed"),
        (edit("def answer() -> float:", "def other() -> float:"), "it does not define answer at its top level"),
        ("<<<<<<< SEARCH\nX = 1.0\n=======\nX = 2.0\n", "block 1 is cut off"),
        ("<<<<<<< SEARCH\nX = 1.0\n", "block 1 is cut off"),
        ("<<<<<<< SEARCH\nX = 1.0\n>>>>>>> REPLACE\n", "block 1 has no line `=======`"),
        ("<<<<<<< SEARCH\nX = 1.0\n=======\n=======\nX = 2.0\n>>>>>>> REPLACE\n", "block 1 has two lines `=======`"),
        ("<<<<<<< SEARCH\nX = 1.0\n=======\nX = 2.0\n<<<<<<< SEARCH\n", "block 1 is not closed"),
        (">>>>>>> REPLACE\n", "without its `<<<<<<< SEARCH`"),
    ],
)
def test_an_edit_that_cannot_be_made_says_which_and_why(text: str, error: str) -> None:
    assert error in error_of(text)
    assert read_answer(PARENT, text, "rewrite", ("answer",)).kind == "edit"


# Whole programs


@pytest.mark.parametrize("kind", ["edit", "rewrite"])
@pytest.mark.parametrize(
    "text",
    [
        fenced(WHOLE),
        fenced(WHOLE, "py"),
        fenced(WHOLE, ""),
        fenced(WHOLE).replace("```", "~~~~"),
        fenced(WHOLE).replace("\n", "\r\n"),
        fenced(WHOLE).replace("```", "  ```"),
        "1. Take\n\n   ```python\n   def answer():\n       return 42.0\n   ```\n",
        f"```python\n{WHOLE}",  # a server that stops at the closing fence
        WHOLE,
        f"Instead of\n{fenced(PARENT)}\ntake\n{fenced(WHOLE)}",
        f"{fenced('total = 0' + chr(10), '')}\n{fenced(WHOLE)}",
        fenced(WHOLE) * 2,
        f"{edit('gone', 'x')}\n{fenced(WHOLE)}",
    ],
)
def test_one_whole_program_is_accepted_whatever_was_asked_for(text: str, kind: str) -> None:
    assert child_of(text, kind=kind) == WHOLE
    assert read_answer(PARENT, text, kind, ("answer",)).kind == "rewrite"


def test_a_program_in_a_longer_fence_may_hold_fences() -> None:
    program = 'def answer():\n    """Return.\n\n```\ncode\n```\n    """\n    return 42.0\n'
    assert child_of(f"````python\n{program}````\n") == program


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "neither a SEARCH/REPLACE block nor a fenced program"),
        ("I would rather not.", "neither a SEARCH/REPLACE block nor a fenced program"),
        (fenced("Y = 1\n"), "it does not define answer at its top level"),
        (fenced("def answer():\n    return (1\n"), "line 2: '(' was never closed"),
        (fenced("def answer():\n    return '\0'\n"), "null bytes"),
        (fenced(PARENT), "no change"),
        (fenced(WHOLE) + fenced(WHOLE.replace("42", "43")), "2 different whole programs"),
        (fenced("X = 1\n") + fenced("Y = 1\n"), "none of 2 fenced blocks is a program"),
        (fenced("-" * 100_000 + "1\n"), "the program is nested too deeply"),
        ("x" * (MAX_ANSWER_CHARS + 1), "the answer has 2000001 characters"),
        (fenced("x = 1\n" * 150_000), "has 900000 characters"),
    ],
    ids=range(11),
)
def test_an_answer_without_one_whole_program_says_what_is_wrong(text: str, error: str) -> None:
    assert error in error_of(text, kind="rewrite")


# Evolve blocks


def test_an_edit_inside_the_evolve_block_is_made() -> None:
    assert child_of(edit("X = 1.0", "X = 2.0"), MARKED) == MARKED.replace("X = 1.0", "X = 2.0")
    assert child_of(edit("    return X", "    return X + 1\n"), MARKED) == MARKED.replace("return X", "return X + 1\n")


def test_an_edit_may_quote_what_stands_around_the_block() -> None:
    text = edit("LIMIT = 9\n# EVOLVE-BLOCK-START\nX = 1.0", "LIMIT = 9\n# EVOLVE-BLOCK-START\nY = 3\nX = 2.0")
    assert child_of(text, MARKED) == MARKED.replace("X = 1.0", "Y = 3\nX = 2.0")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (edit("LIMIT = 9", "LIMIT = 99"), "block 1 changes line 3, outside the evolve block"),
        (edit("# EVOLVE-BLOCK-START", "X = 3"), "block 1 changes line 4, outside the evolve block"),
        (edit("LIMIT = 9", "LIMIT = 9\nY = 3"), "block 1 changes line 4, outside the evolve block"),
        (edit("    return min(LIMIT, step())", "    return step()"), "outside the evolve block"),
        (edit("X = 1.0", "X = 2.0\n# EVOLVE-BLOCK-END"), "block 1 adds an EVOLVE-BLOCK comment"),
    ],
)
def test_an_edit_outside_the_evolve_block_is_an_error(text: str, error: str) -> None:
    assert error in error_of(text, MARKED)


def test_of_a_whole_program_only_the_block_is_taken() -> None:
    program = MARKED.replace("LIMIT = 9", "LIMIT = 1000").replace("X = 1.0", "X = 2.0")
    assert child_of(fenced(program), MARKED) == MARKED.replace("X = 1.0", "X = 2.0")


def test_a_whole_program_without_markers_is_put_into_the_only_block() -> None:
    unmarked = "".join(line for line in MARKED.splitlines(True) if "EVOLVE" not in line).replace("X = 1.0", "X = 2.0")
    assert child_of(fenced(unmarked), MARKED) == MARKED.replace("X = 1.0", "X = 2.0").replace("X\n\n\n#", "X\n\n\n#")
    block = "def step() -> float:\n    return 7.0\n"
    assert child_of(fenced(block), MARKED) == (
        MARKED.partition("X = 1.0")[0] + block + "# EVOLVE-BLOCK-END" + MARKED.partition("# EVOLVE-BLOCK-END")[2]
    )


def test_a_change_outside_the_evolve_block_is_none_and_says_where_changes_count() -> None:
    assert "no change inside the evolve block" in error_of(fenced(MARKED + "Y = 2.0\n"), MARKED)


def test_a_program_with_other_markers_is_an_error() -> None:
    two = "# EVOLVE-BLOCK-START\nX = 2\n# EVOLVE-BLOCK-END\n" * 2 + WHOLE
    assert "its EVOLVE-BLOCK comments are not those of its parent" in error_of(fenced(two), MARKED)


def test_prose_is_never_put_into_a_block() -> None:
    assert "neither" in error_of("Sorry", MARKED)


def test_every_block_of_several_may_change() -> None:
    parent = f"# EVOLVE-BLOCK-START\nA = 1\n# EVOLVE-BLOCK-END\nB = 1\n    # EVOLVE-BLOCK-START\nC = 1\n{WHOLE}"
    assert editable_lines(parent.splitlines()) == [range(1, 2), range(5, 8)]
    changed = parent.replace("A = 1", "A = 2").replace("C = 1", "C = 2")
    assert child_of(edit("A = 1", "A = 2") + edit("C = 1", "C = 2"), parent) == changed
    assert child_of(fenced(changed.replace("B = 1", "B = 2")), parent) == changed


# Places that are like what is quoted

LONG = """\
import math


def cost(load, free_gb, penalty=2.0):
    # The more is free, the better.
    if free_gb <= 0.0:
        return math.inf
    pressure = load / free_gb  # requests/s per GB

    return pressure * penalty


def total(loads, frees_gb):
    worst = max(cost(load, free) for load, free in zip(loads, frees_gb))
    return worst + 0.5 * sum(loads)


def answer():
    return total([1.0, 2.0], [3.0, 4.0])
"""


BODY = """\
    if free_gb <= 0.0:
        return math.inf
    pressure = load / free_gb  # requests/s per GB

    return pressure * penalty
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("  # requests/s per GB\n\n", "  # requests/s\n"),  # half a comment and a blank line left out
        ("free_gb <= 0.0:", "free_gb<=0.00:"),
        ("    if free_gb <= 0.0:", "if free_gb <= 0.00:"),  # the first line has lost its indentation
        ("pressure = load", "the_pressure = load"),
    ],
)
def test_a_search_that_is_slightly_wrong_finds_the_one_place_like_it(right: str, wrong: str) -> None:
    assert right in BODY
    search = BODY.replace(right, wrong)
    replace = BODY.replace("pressure * penalty", "pressure ** penalty")
    if not search.startswith(" "):
        replace = replace.lstrip(" ")
    assert child_of(edit(search, replace), LONG) == LONG.replace("pressure * penalty", "pressure ** penalty")


def test_comments_that_are_quoted_with_a_place_like_it_are_replaced_with_it() -> None:
    search = "    # The more is free, the better.\n    if free_gb <= 0.00:\n        return math.inf"
    replace = "    # Full GPUs are out.\n    if free_gb <= 0.0:\n        return math.inf"
    assert child_of(edit(search, replace), LONG) == LONG.replace("The more is free, the better.", "Full GPUs are out.")


def test_two_places_alike_are_not_guessed_between() -> None:
    twice = (
        LONG
        + "\n\ndef other(loads, frees_gb):\n    worst = max(cost(load, free) for load, free in zip(loads, frees_gb))\n"
    )
    text = edit("    worst = max(cost(load, free) for load, free in zip(loads, free_gb))", "    worst = 0.0")
    assert "block 1 matches nowhere, and is like the lines at 14 and at 23" in error_of(text, twice)
    assert child_of(text, LONG) == LONG.replace("max(cost(load, free) for load, free in zip(loads, frees_gb))", "0.0")


@pytest.mark.parametrize(
    "search",
    [
        "    return pressure / penalty + 1",  # another line altogether
        "    return worst\n    return worst",
        "    pressure = load / free_gb  # requests/s per GB\n    return worst + 0.5 * sum(loads)",
        "# only\n# comments",
        # indented unevenly: no telling how the replacement is meant
        "  if free_gb <= 0.0:\n     return math.inf\n  pressure = load / free_gb  # requests/s",
    ],
)
def test_what_is_not_plainly_like_one_place_matches_nowhere(search: str) -> None:
    assert "block 1 matches nowhere" in error_of(edit(search, "    pass"), LONG)


def test_a_place_like_what_is_quoted_is_not_taken_outside_the_evolve_block() -> None:
    marked = LONG.replace("def total", "# EVOLVE-BLOCK-START\ndef total") + "# EVOLVE-BLOCK-END\n"
    text = edit("    pressure = load / free_gb  # requests/s per GiB", "    pressure = 0")
    assert "outside the evolve block" in error_of(text, marked)


# What was asked for, and what the model says


@pytest.mark.parametrize("kind", [Kind.CROSSOVER, Kind.EXPLORE, Kind.SIMPLIFY, Kind.REPAIR])
def test_a_purpose_stays_the_kind_whatever_the_form(kind: Kind) -> None:
    for text in (edit("X = 1.0", "X = 2.0"), fenced(WHOLE), "nothing", edit("gone", "")):
        assert read_answer(PARENT, text, kind, ("answer",)).kind == kind.value


@pytest.mark.parametrize(
    ("text", "idea"),
    [
        ("Raise X.\n\n" + edit("X = 1.0", "X = 2.0"), "Raise X."),
        ("Raise X. It is low! And more.\n" + edit("X = 1.0", "X = 2.0").partition("\n\n")[2], "Raise X. It is low!"),
        (
            "Sure! Here is the new program:\n\n**Idea:** use `X` twice\nwhere it counts.\n" + fenced(WHOLE),
            "use X twice where it counts.",
        ),
        ("### Approach\n\n1. Sort by size, v1.5 of it.\n" + fenced(WHOLE), "Sort by size, v1.5 of it."),
        ("<think>\nHm.\n</think>\n" + fenced(WHOLE), "It is better."),
        (f"```python\n{WHOLE}```\nIt is \x1b[31mbetter\u202e.\n", "It is better."),
        (WHOLE, ""),
        ("a" * 5_000 + "\n" + fenced(WHOLE), "a" * 397 + "..."),
    ],
    ids=range(8),
)
def test_the_idea_is_the_models_first_words_outside_edits_and_fences(text: str, idea: str) -> None:
    proposal = read_answer(PARENT, text, Kind.REWRITE, ("answer",))
    assert (proposal.idea, proposal.error) == (idea, "")


def test_an_idea_is_kept_of_an_answer_that_cannot_be_used() -> None:
    assert read_answer(PARENT, "Lower X.\n\n" + edit("gone = 1", ""), Kind.EDIT, ("answer",)).idea == "Lower X."


# Any text at all

_PIECES = st.sampled_from(
    [
        "<<<<<<< SEARCH",
        "=======",
        ">>>>>>> REPLACE",
        "```python",
        "```",
        "~~~",
        "# EVOLVE-BLOCK-START",
        "# EVOLVE-BLOCK-END",
        "</think>",
        "",
        "    ",
        *PARENT.splitlines(),
        *MARKED.splitlines(),
        *WHOLE.splitlines(),
    ]
)
_LINES = st.lists(_PIECES | st.text(max_size=20), max_size=30).map("\n".join)


def outside(source: str) -> str:
    return re.sub(r"(?ms)^(# EVOLVE-BLOCK-START)$.*?^(# EVOLVE-BLOCK-END)$", r"\1\2", source)


@settings(max_examples=150, deadline=None)
@given(text=st.text() | _LINES, kind=st.sampled_from(["edit", "rewrite"]))
def test_no_text_makes_the_parser_raise_or_change_what_is_outside_the_block(text: str, kind: str) -> None:
    for parent in (PARENT, MARKED):
        proposal = read_answer(parent, text, kind, ("answer",))
        assert (proposal.source is None) == bool(proposal.error)
        if proposal.source is not None:
            assert check(proposal.source, ("answer",)) == ""
            assert parent is PARENT or outside(proposal.source) == outside(MARKED)


_BLOCK = st.lists(_PIECES | st.text(max_size=8), max_size=6).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(edits=st.lists(st.tuples(_BLOCK, _BLOCK), min_size=1, max_size=3), program=_BLOCK)
def test_no_edit_and_no_program_reaches_outside_the_block(edits: list[tuple[str, str]], program: str) -> None:
    for text in ("".join(edit(search, replace) for search, replace in edits), fenced(program + "\n")):
        proposal = read_answer(MARKED, text, "edit", ("answer",))
        if proposal.source is not None:
            assert outside(proposal.source) == outside(MARKED)


_ANSWERS = (
    edit("X = 1.0", "X = 2.0"),
    edit("    return X", "    return X + 1") + edit("X = 1.0", "X = 2.0\nY = 3.0"),
    edit("    return min(LIMIT, step())", "    return step()"),
    fenced(edit("X = 1.0", "X = 2.0"), "diff"),
    fenced(MARKED.replace("return X", "return X * 2")),
    fenced(WHOLE),
    fenced("def step() -> float:\n    return 7.0\n"),
    "<think>\n" + fenced(WHOLE) + "</think>\n" + edit("def step() -> float:", "def step() -> float:\n    # more"),
)
_ODD = (
    "\0",
    "\r",
    "\r\n",
    "\u2028",
    "\ufeff",
    "\u202e",
    "\ud800",
    "\U0001f600",
    "é",
    "\x0c",
    "\t",
    " " * 9,
    "`",
    "#",
    "x" * 3_000,
)
_MARKS = (
    "<<<<<<< SEARCH",
    "=======",
    ">>>>>>> REPLACE",
    "```python",
    "```",
    "~~~",
    "# EVOLVE-BLOCK-START",
    "# EVOLVE-BLOCK-END",
    "</think>",
)


@st.composite
def malformed(draw: st.DrawFn) -> str:
    """A sound answer with one to four faults."""
    text = draw(st.sampled_from(_ANSWERS))
    for _ in range(draw(st.integers(1, 4))):
        fault = draw(st.integers(0, 8))
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 80)))
        if fault == 0:
            text = text[:at]
        elif fault == 1:
            text = text[:end] + text[at:]
        elif fault == 2:
            text = text[:at] + text[end:]
        elif fault == 3:
            text = text[:at] + draw(st.sampled_from(_ODD)) + text[at:]
        elif fault == 4:
            lines = text.split("\n")
            lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(_MARKS)))
            text = "\n".join(lines)
        elif fault == 5:
            mark = draw(st.sampled_from(_MARKS))
            text = text.replace(
                mark, draw(st.sampled_from((mark + "\n" + mark, mark[1:], mark.lower(), " " + mark, "")))
            )
        elif fault == 6:
            text = text.replace("\n", draw(st.sampled_from(("\r\n", "\r", "\n\n", "\n "))))
        elif fault == 7:
            text = text + draw(st.sampled_from(_ANSWERS))
        else:
            text = text[:at] + draw(st.sampled_from(("word ", "x = 1\n", "`"))) * 20 + text[at:]
    return text


def holds_to_the_block(text: str, kind: Kind) -> None:
    proposal = read_answer(MARKED, text, kind, ("answer",))
    assert (proposal.source is None) == bool(proposal.error)
    assert proposal.idea.isprintable() and len(proposal.idea) <= 400
    assert "\n" not in proposal.error
    if proposal.source is not None:
        assert outside(proposal.source) == outside(MARKED)
        assert check(proposal.source, ("answer",)) == ""


@settings(max_examples=300, deadline=None)
@given(text=malformed(), kind=st.sampled_from(list(Kind)))
def test_a_malformed_answer_neither_raises_nor_reaches_outside_the_block(text: str, kind: Kind) -> None:
    holds_to_the_block(text, kind)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(text=malformed(), kind=st.sampled_from(list(Kind)))
def test_ten_thousand_malformed_answers_neither_raise_nor_reach_outside_the_block(text: str, kind: Kind) -> None:
    holds_to_the_block(text, kind)


_MANY = [f"    return a * {n} + b" for n in range(400)]
_BIG = "".join(f"def f{n}(a, b):\n{line}\n" for n, line in enumerate(_MANY)) + WHOLE
_LONG = 400_000
_QUADRATIC = 16
"""What four times the text would cost if the cost grew with its square."""


@pytest.mark.parametrize(
    "written",
    [
        lambda size: "```" + " " * size + "`",
        lambda size: "~" * size + "`",
        lambda size: "`" * size,
        lambda size: "__" * (size // 2),
        lambda size: "word " * (size // 5),
        lambda size: "\0" * size,
        lambda size: "</think>\n" * (size // 9),
        lambda size: "<<<<<<< SEARCH\n" * (size // 15),
        lambda size: fenced(WHOLE) * (size // 50),
        lambda size: "".join(fenced(_BIG.replace("42.0", str(n))) for n in range(12 * size // _LONG)),
        lambda size: fenced("x = 1\n" * (size // 6)),
        lambda size: fenced("(" * (size * 18 // 100)),
        lambda size: edit("x" * (size * 9 // 10), "y"),
        lambda size: edit("\n".join(line + " # and more" for line in _MANY * (16 * size // _LONG)), "pass"),
        lambda size: "".join(
            edit(line.replace("a", "c") + " # once more", "    return 3") for line in _MANY[: 400 * size // _LONG]
        ),
        lambda size: "".join(edit(f"def f{n}(a, b):", f"def g{n}(a, b):") for n in range(399 * size // _LONG)),
        lambda size: edit("x = 1\n" * (6_000 * size // _LONG), "y"),
        lambda size: edit(" x = 1\n" * (6_000 * size // _LONG), "y"),
    ],
    ids=range(18),
)
def test_a_long_answer_takes_no_time_that_grows_with_its_square(written: Callable[[int], str]) -> None:
    """A megabyte is to take less than a second on a quiet machine, which a test cannot hold anybody to."""
    parent = "x = 1\n" * 30_000 + WHOLE if "x = 1" in written(_LONG // 4) else _BIG
    took_s = []
    for text in (written(_LONG // 4), written(_LONG)):
        began_s = time.process_time()
        read_answer(parent, text, "edit", ("answer",))
        took_s.append(time.process_time() - began_s)
    assert took_s[1] < 0.7 * _QUADRATIC * took_s[0]


# The server that benchmarks and trials use


def test_the_scripted_server_answers_with_edits_that_apply() -> None:
    request = {"messages": [{"role": "user", "content": f"X = 7\n```python\n{PARENT}```\nChange it."}]}
    assert program_in(request) == PARENT
    children = {child_of(str(trivial(request, number))) for number in range(50)}
    assert len(children) == 50
    assert len({child_of(str(constants(request, number))) for number in range(20)}) > 5
