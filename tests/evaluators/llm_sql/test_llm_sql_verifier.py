"""The verifier: what it refuses, what it scores, what it says."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from in_process import InProcess
from tables import BASELINES, instance, original, table

from evaluators.llm_sql import LlmSql
from evaluators.llm_sql.evaluator import PUBLISHED_ORIGINAL, adrs_score, cost
from evaluators.llm_sql.figures import figures_of
from evolve.evaluator import Infeasible, Outcome, Split

TRAIN = LlmSql().instances(Split.TRAIN)
SMALL = TRAIN[5]
ROWS = [["71", "b", "Oslo"], ["82", "b", "Lima"], ["93", "c", "Oslo"], ["94", "c", "Lima"]]


class Stub:
    """A candidate that gives a ready answer and takes a given time."""

    def __init__(self, answer, cpu_s=0.0):
        self.answer, self.spent, self.cpu_s, self.top_level_cpu_s = answer, cpu_s, 1.0, 0.0

    def call(self, function, *arguments):
        assert function == "reorder"
        self.cpu_s += self.spent
        return self.answer


def evaluated(one, rows, columns, cpu_s=0.0):
    return LlmSql().evaluate(Stub([rows, columns], cpu_s), one)


def program_answer(name, one):
    merges = [list(names) for names in one.table.merges]
    return InProcess(BASELINES[name]).call("reorder", list(one.table.columns), one.table.rows, merges)


def test_the_original_order_scores_zero_and_the_reference_a_hundred_without_time():
    assert evaluated(SMALL, *original(SMALL.table)).score == pytest.approx(0.0, abs=1e-9)
    assert evaluated(SMALL, *program_answer("ggr_local_search", SMALL)).score == pytest.approx(100.0, abs=1e-9)


def test_x_and_the_score_follow_from_hit_rate_and_cpu_time():
    known, n = figures_of(SMALL), len(SMALL.table.rows)
    outcome = evaluated(SMALL, *program_answer("expected_hit", SMALL), cpu_s=0.6)
    m = outcome.metrics
    assert m["cpu_s"] == pytest.approx(0.6)
    assert m["cpu_s_per_10k_rows"] == pytest.approx(6000 / n)
    assert m["x"] == pytest.approx(1 - m["hit_rate"] + 0.05 * (6000 / n) / 10, abs=1e-12)
    span = known.reference - known.naive
    assert outcome.score == pytest.approx(100 * (1 - known.naive - m["x"]) / span, abs=1e-9)
    assert (m["original_hit_rate"], m["reference_hit_rate"], m["bound_hit_rate"]) == (
        known.naive,
        known.reference,
        known.bound,
    )


@pytest.mark.parametrize(
    ("hit", "cpu", "x"), [(1.0, 0.0, 0.0), (0.25, 1.0, 0.755), (0.25, 10.0, 0.8), (0.25, 1e9, 0.8), (0.0, 5.0, 1.025)]
)
def test_x_by_hand(hit, cpu, x):
    assert cost(hit, cpu) == pytest.approx(x, abs=1e-12)


def test_rows_and_the_cells_of_each_row_may_be_permuted():
    one = instance(ROWS)
    columns = [[2, 1, 0], [2, 1, 0], [2, 1, 0], [1, 2, 0]]
    # Osloc93, Oslob71, Limab82, cLima94: the second shares "Oslo"
    outcome = evaluated(one, [2, 0, 1, 3], columns)
    assert outcome.metrics["hit_rate"] == 4 / 28
    # The order of columns belongs to the place, not to the row: Oslob71, Limab82, Osloc93, cLima94
    assert evaluated(one, [0, 1, 2, 3], columns).metrics["hit_rate"] == 4 / 28
    assert evaluated(one, [0, 1, 2, 3], np.tile([1, 2, 0], (4, 1))).metrics["hit_rate"] == 2 / 28


REFUSED = [
    ("[0, 0, 1, 2]", "C", "row 0 is in row_order 2 times, first at places 0 and 1; 1 of 4 rows are missing, the first"),
    ("[0, 0, 0, 0]", "C", "row 0 is in row_order 4 times, first at places 0 and 1; 3 of 4 rows are missing"),
    ("[0, 1, 2]", "C", "row_order: the answer holds a list of 3 where 4 belong"),
    ("[0, 1, 2, 4]", "C", "row_order: the row at place 3 is 4, expected 0..3"),
    ("[0, 1, 2, -1]", "C", "row_order: the row at place 3 is -1, expected 0..3"),
    ("[0, 1, 2, 3.0]", "C", "row_order: the answer holds float"),
    ("[False, True, 2, 3]", "C", "row_order: the answer holds bool"),
    ("[0, 1, 2, 10**30]", "C", "row_order: the answer holds a number beyond 64 bits"),
    ("np.arange(4.0)", "C", "row_order: the answer holds float64"),
    ("np.arange(4) > 1", "C", "row_order: the answer holds bool"),
    ("[[0], [1], [2], [3]]", "C", "row_order: the answer holds list"),
    ("np.array([0, 1, 2, 2**64 - 1], dtype='u8')", "C", "the row at place 3 is 18446744073709551615"),
    ("R", "[[0, 1, 2]] * 3", "column_order: the answer holds a list of 3 where 4 belong, expected shape (4, 3)"),
    ("R", "[0, 1, 2]", "column_order: the answer holds a list of 3 where 4 belong"),
    ("R", "np.arange(3)", "column_order: the answer has shape (3,), expected (4, 3)"),
    ("R", "C[:3]", "column_order: the answer has shape (3, 3), expected (4, 3)"),
    ("R", "[[0, 1, 2], [0, 1, 2], [0, 1], [0, 1, 2]]", "column_order: the answer holds a list of 2 where 3 belong"),
    ("R", "C + 1", "the column at (place of the row, place in the row) (0, 2) is 3, expected 0..2"),
    ("R", "C * 0", "column_order[0] (row 0) has column 0 ('a') 3 times and lacks 2 of 3 columns, the first of them 1"),
    (
        "[3, 2, 1, 0]",
        "[[0, 1, 2], [0, 1, 2], [1, 1, 2], [0, 1, 2]]",
        "column_order[2] (row 1) has column 1 ('b') 2 times and lacks 1 of 3 columns, the first of them 0 ('a'); "
        "so do 1 of 4 rows in all",
    ),
    ("R", "C.astype(float)", "column_order: the answer holds float64"),
    ("R", "[['a', 'b', 'c']] * 4", "column_order: the answer holds str"),
    ("R", "None", "column_order: the answer holds NoneType"),
    (
        "R",
        "[[0, 1, 2], [1, 0, 2], [0, 1, 2], [1, 2, 0]]",
        "column_order[1] (row 1) splits merged columns: 'c' must come right after 'b', as it does at the first place; "
        "they are at places 2 and 0; so in 1 of 4 rows",
    ),
    (
        "R",
        "[[2, 1, 0], [0, 2, 1], [0, 1, 2], [0, 2, 1]]",
        "column_order[2] (row 2) splits merged columns: 'b' must come right after 'c', as it does at the "
        "first place; they are at places 1 and 2; so in 1 of 4 rows",
    ),
]


@pytest.mark.parametrize(("rows", "columns", "message"), REFUSED)
def test_what_is_no_order_is_refused_by_row_column_and_amount(rows, columns, message):
    program = (
        "import numpy as np\ndef reorder(*_):\n"
        "    R, C = np.arange(4), np.tile(np.arange(3), (4, 1))\n"
        f"    return {rows}, {columns}"
    )
    with pytest.raises(Infeasible, match=re.escape(message)):
        LlmSql().evaluate(InProcess(program), instance(ROWS, [("b", "c")]))


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (None, "NoneType"),
        ([], "a list of 0"),
        ([[0, 1, 2, 3]], "a list of 1"),
        ([[], [], []], "a list of 3"),
        ({"row_order": []}, "dict"),
        ("ab", "str"),
        (np.zeros((2, 4), dtype=int), "one array of shape (2, 4)"),
    ],
)
def test_what_is_no_pair_is_refused(answer, what):
    expected = f"the answer is {what}, expected a pair: row_order of shape (4,) and column_order of shape (4, 3)"
    with pytest.raises(Infeasible, match=re.escape(expected)):
        LlmSql().evaluate(Stub(answer), instance(ROWS))


def test_lists_and_any_width_of_integers_are_orders():
    one = instance(ROWS)
    rows, columns = original(one.table)
    rates = {
        evaluated(one, r, c).metrics["hit_rate"]
        for r, c in (
            (rows, columns),
            (rows.tolist(), columns.tolist()),
            (rows.astype("uint8"), columns.astype("int16")),
            (rows.tolist(), list(columns)),
        )
    }
    assert len(rates) == 1


def test_merged_columns_move_as_one():
    one = instance(ROWS, [("b", "c")])
    assert evaluated(one, np.arange(4), np.tile([1, 2, 0], (4, 1))).metrics["hit_rate"] == 2 / 28


def test_merged_columns_may_be_joined_in_any_one_order():
    """As under the published rules, where the program itself joins them."""
    one = instance([["1", "x", "same"], ["2", "y", "same"]], [("b", "c")])
    assert evaluated(one, np.arange(2), np.tile([1, 2, 0], (2, 1))).metrics["hit_rate"] == 0
    assert evaluated(one, np.arange(2), np.tile([2, 1, 0], (2, 1))).metrics["hit_rate"] == 4 / 12


def test_a_table_on_which_the_reference_gains_nothing_has_no_score():
    outcome = evaluated(instance([["a", "b"], ["c", "d"]]), np.arange(2), np.tile(np.arange(2), (2, 1)))
    assert outcome.score is None and outcome.metrics["hit_rate"] == 0.0
    empty = evaluated(instance([["", ""], ["", ""]]), np.arange(2), np.tile(np.arange(2), (2, 1)))
    assert empty.score is None and empty.metrics["hit_rate"] == 0.0


def test_a_disaster_is_no_worse_than_minus_a_hundred():
    one = instance([["x" * 50, str(i), "yyy"] for i in range(10, 60)])
    known = figures_of(one)
    assert known.tells and known.naive > 0.85
    assert evaluated(one, np.arange(50), np.tile([1, 0, 2], (50, 1))).score == -100.0
    assert evaluated(one, np.arange(50), np.tile([0, 2, 1], (50, 1))).score == pytest.approx(100.0)


def test_feedback_names_the_columns_that_broke_the_prefix_and_what_it_cost():
    rows = [[str(i), "red wine", "x" * 30, "ab"[i % 2]] for i in range(10, 20)]
    one = instance(rows)
    text = evaluated(one, np.arange(10), np.tile(np.arange(4), (10, 1))).feedback
    # Sorted, each row shares its first digit with the one before it: 9 hits of 10 * 41 characters. The first row
    # loses both digits and 39 characters behind them, each other one digit and 39.
    assert "10 rows, 4 columns: hit rate 0.0220 (original 0.0220, reference" in text
    assert re.search(r"reference [\d.]+ begins with '[bc]' \(100 %\), '[bc]' \(100 %\);", text)
    assert len(text) <= 500
    assert "401 of 410 characters missed" in text
    assert "prefix broken most in 'a' (10 rows, 401 lost, 390 behind it)" in text
    assert "best 'a': 9 of its 20 shared" in text
    assert "worst 'c': 0 shared of 270 that earlier rows have" in text
    good = evaluated(one, np.arange(10), np.tile([2, 1, 3, 0], (10, 1))).feedback
    assert "best 'c': 270 of its 300 shared" in good
    assert "worst" not in good
    assert re.search(r"CPU 0 s is 0\.0000 of x = 0\.\d{4}\.$", good)


def test_what_changes_with_speed_is_declared_as_timed():
    orders = original(SMALL.table)
    slow, fast = (evaluated(SMALL, *orders, cpu_s=s) for s in (1.0, 0.01))
    differ = {name for name in slow.metrics if slow.metrics[name] != fast.metrics[name]}
    assert {"x", "cpu_s", "cpu_s_per_10k_rows"} <= differ <= set(LlmSql.timed_metrics)
    assert slow.score < fast.score
    assert {"score", "adrs_score", "wall_s"} <= set(LlmSql.timed_metrics)


def test_an_outcome_can_be_written_down():
    outcome = evaluated(SMALL, *original(SMALL.table))
    assert json.loads(json.dumps(dict(outcome.metrics))) == outcome.metrics
    assert all(type(value) is float for value in outcome.metrics.values())


@pytest.mark.parametrize(
    ("hit", "wall_s", "score"),
    [
        (PUBLISHED_ORIGINAL, 10.0, 0.0),
        (PUBLISHED_ORIGINAL, 0.0, 5.0),
        (1.0, 0.0, 100.0),
        (1.0, 4.0, 98.0),
        (0.0, 99.0, 0.0),
        ((1 + PUBLISHED_ORIGINAL) / 2, 2.0, 47.5 + 4.0),
    ],
)
def test_the_published_score_by_hand(hit, wall_s, score):
    assert adrs_score(hit, wall_s) == pytest.approx(score, abs=1e-9)


def test_the_published_score_is_given_for_the_five_published_tables_only():
    def of(original_rates, split=Split.PUBLIC):
        outcomes = [
            Outcome(1.0, {"original_hit_rate": rate, "hit_rate": 0.5, "wall_s": 2.0, "x": 0.5})
            for rate in original_rates
        ]
        return LlmSql().summarise(split, outcomes)

    shift = [-0.03, 0.02, 0.0, 0.04, -0.03]
    published = [PUBLISHED_ORIGINAL + s for s in shift]
    assert of(published)["adrs_score"] == pytest.approx(adrs_score(0.5, 2.0), abs=1e-9)
    assert "adrs_score" not in of([*published[:4], 0.1])
    assert "adrs_score" not in of([PUBLISHED_ORIGINAL] * 4)
    assert "adrs_score" not in of(published, Split.TEST)
    assert of(published[:1])["hit_rate"] == 0.5


def test_a_table_knows_its_lengths_repeats_and_merges():
    one = table([["ab", "x", ""], ["ab", "yyy", ""], ["c", "x", ""]], [("b", "c")])
    assert one.lengths.tolist() == [[2, 1, 0], [2, 3, 0], [1, 1, 0]]
    assert one.repeated.tolist() == [2, 1, 0]
    assert one.characters == 10 and one.merged_places == ((1, 2),)
    assert one.digest != table([["ab", "x", ""], ["ab", "yyy", ""], ["c", "", "x"]], [("b", "c")]).digest
    assert one.digest != table(one.rows).digest
