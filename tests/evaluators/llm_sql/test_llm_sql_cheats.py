"""What fools the public verifier must not fool ours: real programs in the real sandbox."""

from __future__ import annotations

import re

import pytest
from tables import BASELINES, SEED

from evaluators.llm_sql import LlmSql
from evaluators.llm_sql.figures import figures_of
from evolve.evaluator import CandidateFailure, Infeasible, Split
from sandbox import Sandbox

INSTANCE = LlmSql().instances(Split.TRAIN)[5]
N, C = len(INSTANCE.table.rows), len(INSTANCE.table.columns)

START = """
import time
import numpy as np

def same(columns, rows):
    return np.arange(len(rows)), np.tile(np.arange(len(columns)), (len(rows), 1))

def burn():
    for _ in range(2500):
        sum(range(10_000))
"""


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(LlmSql.limits) as made:
        yield made


def outcome(sandbox, program):
    with sandbox.start(START + program) as candidate:
        return LlmSql().evaluate(candidate, INSTANCE)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("[['x'] * len(columns)] * len(rows)", f"the answer is a list of {N}, expected a pair"),  # a constant table
        ("np.zeros(len(rows), dtype=int), same(columns, rows)[1]", f"row 0 is in row_order {N} times"),
        (
            "same(columns, rows)[0], np.zeros((len(rows), len(columns)), dtype=int)",
            "column_order[0] (row 0) has column 0",
        ),
        ("[], []", f"row_order: the answer holds a list of 0 where {N} belong"),  # an empty answer for a slow table
        ("None", "the answer is NoneType"),
        ("np.arange(10), np.tile(np.arange(len(columns)), (10, 1))", f"shape (10,), expected ({N},)"),
        ("[rows, rows]", "row_order: the answer holds list"),  # texts of its own
        ("same(columns, rows)[0], np.roll(same(columns, rows)[1], 1, axis=1)", "splits merged columns"),
    ],
)
def test_an_answer_that_does_not_permute_the_table_is_infeasible(sandbox, answer, message):
    with pytest.raises(Infeasible, match=re.escape(message)):
        outcome(sandbox, f"def reorder(columns, rows, merges): return {answer}")


def test_changing_the_table_it_was_given_changes_no_score(sandbox):
    changed = outcome(
        sandbox,
        "def reorder(columns, rows, merges):\n"
        "    for row in rows:\n"
        "        row[:] = [''] * len(row)\n"
        "    merges.clear()\n"
        "    return same(columns, rows)\n",
    )
    assert changed.metrics["hit_rate"] == pytest.approx(figures_of(INSTANCE).naive, abs=1e-12)


def test_no_order_splits_merged_columns_by_clearing_the_list(sandbox):
    with pytest.raises(Infeasible, match="splits merged columns"):
        outcome(
            sandbox,
            "def reorder(columns, rows, merges):\n"
            "    merges.clear()\n"
            "    return same(columns, rows)[0], np.roll(same(columns, rows)[1], 1, axis=1)\n",
        )


def test_patched_clocks_do_not_hide_cpu_time(sandbox):
    patched = outcome(
        sandbox,
        "for name in ('time', 'perf_counter', 'process_time', 'monotonic', 'thread_time', 'perf_counter_ns'):\n"
        "    setattr(time, name, lambda *_: 0)\n"
        "def reorder(columns, rows, merges):\n"
        "    burn()\n"
        "    return same(columns, rows)\n",
    )
    assert patched.metrics["cpu_s"] >= 0.199
    assert patched.score < outcome(sandbox, "def reorder(c, r, m): return same(c, r)").score


def test_work_at_import_knows_no_table(sandbox):
    busy = outcome(
        sandbox,
        "import gc\n"
        "burn()\n"
        f"found = [x for x in gc.get_objects() if type(x) is list and len(x) == {N}]\n"
        "def reorder(columns, rows, merges):\n"
        "    assert not found\n"
        "    return same(columns, rows)\n",
    )
    assert busy.metrics["cpu_s"] >= 0.1, "it is paid for"


def test_what_is_printed_is_no_score(sandbox):
    printed = outcome(sandbox, "def reorder(c, r, m):\n    print('hit_rate: 1')\n    return same(c, r)\n")
    assert abs(printed.score) < 2


def test_an_exception_on_a_hard_table_is_a_failure_and_no_way_out(sandbox):
    with pytest.raises(CandidateFailure, match="too hard"):
        outcome(sandbox, "def reorder(c, r, m): raise ValueError('too hard')")


@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION, Split.TEST])
def test_seed_scores_about_zero_and_the_reference_program_about_a_hundred(sandbox, split):
    """But for the CPU time: 1 s per 10,000 rows is about a point."""
    one = min(LlmSql().instances(split), key=lambda one: len(one.table.rows))
    for source, expected in ((SEED, 0.0), (BASELINES["ggr_local_search"], 100.0)):
        with sandbox.start(source) as candidate:
            assert LlmSql().evaluate(candidate, one).score == pytest.approx(expected, abs=8)
