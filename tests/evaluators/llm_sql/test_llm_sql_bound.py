"""The bound on hit rates holds for every order, and no program beats the best order of a small table."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from in_process import InProcess
from tables import BASELINES, SEED, hits_by_trie, random_table, table

from evaluators.llm_sql import bound, figures
from evaluators.llm_sql.answer import checked_orders
from evaluators.llm_sql.bound import least_missed
from evaluators.llm_sql.prefix import row_strings, shared_with_predecessor
from evaluators.llm_sql.workload import RECIPES
from evolve.evaluator import Split


def column_orders(one):
    """All orders of a row's columns that keep merged ones together, in any order: more than a table may have."""
    for order in itertools.permutations(range(len(one.columns))):
        place = {column: i for i, column in enumerate(order)}
        spans = [[place[column] for column in unit] for unit in one.merged_places]
        if all(max(span) - min(span) == len(span) - 1 for span in spans):
            yield order


def most_hits(one):
    """The hits of the best order, by trying all; the order of rows does not matter."""
    per_row = [{"".join(row[c] for c in order) for order in column_orders(one)} for row in one.rows]
    return max(hits_by_trie(strings) for strings in itertools.product(*per_row))


def small_tables(count, seed):
    rng = np.random.default_rng(seed)
    for i in range(count):
        yield random_table(rng, 4, 3, merge=i % 2 == 0)


@pytest.mark.parametrize(
    ("rows", "merges", "missed"),
    [
        ([["abcde"], ["abcxy"]], [], 7),  # abc bcd cde bcx cxy, and two nodes above them: what an order does miss
        ([["abcde"], ["fghij"], ["klmno"]], [], 11),  # 3 windows a row, and two more
        ([["abcd", "x"], ["abcd", "y"]], [], 5),  # abc bcd and two more are less than a row
        ([["ab", "cd"], ["ab", "cd"]], [], 4),  # no window in a text
        ([["ab", "cd"], ["cd", "ab"]], [("a", "b")], 4),  # no window in a cell: a merge may be joined either way
        ([["", ""], ["", ""]], [], 0),
    ],
)
def test_what_is_missed_at_least_by_hand(monkeypatch, rows, merges, missed):
    monkeypatch.setattr(bound, "WINDOWS", (3,))
    assert least_missed(table(rows, merges)) == missed
    assert table(rows).characters - missed >= 0


def test_the_bound_holds_for_every_order_of_random_tables(monkeypatch):
    monkeypatch.setattr(bound, "WINDOWS", (1, 2, 3))
    for one in small_tables(100, 4):
        assert one.characters - least_missed(one) >= most_hits(one)


def test_the_bound_holds_for_texts_that_repeat_across_borders(monkeypatch):
    """Rows whose cells are pieces of one another: the hardest case for a bound by windows."""
    monkeypatch.setattr(bound, "WINDOWS", (2, 3))
    rng = np.random.default_rng(5)
    for _ in range(40):
        rows = []
        for _ in range(3):
            whole = "".join(rng.choice(list("ab"), 9))
            first, second = sorted(rng.integers(0, 10, 2).tolist())
            rows.append([whole[:first], whole[first:second], whole[second:]])
        one = table(rows)
        assert one.characters - least_missed(one) >= most_hits(one)


@pytest.mark.parametrize("name", [*BASELINES, "seed"])
def test_no_program_beats_the_best_order(name):
    program = InProcess(BASELINES.get(name, SEED))
    for one in small_tables(40, 6):
        answer = program.call("reorder", list(one.columns), one.rows, [list(m) for m in one.merges])
        strings = row_strings(one.rows, *checked_orders(answer, one))
        assert shared_with_predecessor(strings).sum() <= most_hits(one)


def test_the_reference_is_below_the_bound_on_every_drawn_table():
    known = figures.stored().figures
    assert len(known) == sum(len(RECIPES[split]) for split in (Split.TRAIN, Split.VALIDATION, Split.TEST))
    for one in known.values():
        assert 0 <= one.naive < one.reference < one.bound <= 1
