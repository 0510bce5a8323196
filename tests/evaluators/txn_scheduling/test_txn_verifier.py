"""The verifier: what it refuses, what it scores, what it says, and that no cheat of the public one works here."""

from __future__ import annotations

import asyncio
import functools
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

import seeds
from evaluators import txn_scheduling
from evaluators.orders import checked_order
from evaluators.txn_scheduling import TxnScheduling
from evaluators.txn_scheduling.figures import best_orders, bound_of, digest, figures_of
from evaluators.txn_scheduling.mechanics import WRITE, Transaction, makespan
from evaluators.txn_scheduling.public_format import transaction
from evaluators.txn_scheduling.workload import Workload
from evolve.evaluator import CandidateFailure, Infeasible, Outcome, Split
from sandbox import Sandbox

FOLDER = Path(txn_scheduling.__file__).parent
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
SEED = (Path(seeds.__file__).parent / "txn_scheduling.py").read_text()
SPLITS = tuple(Split)
QUICK = ("as_given", "random_best_of_100", "smf", "smf_full")
SMALL = tuple(transaction(t) for t in ("r-1 w-2 * *", "r-2 w-1", "r-1 r-2 *"))
PUBLIC = TxnScheduling().instances(Split.PUBLIC)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep the user's cache out of the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@functools.cache
def outcomes(source, split):
    evaluator = TxnScheduling()
    return [evaluator.evaluate(InProcess(source), workload) for workload in evaluator.instances(split)]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(TxnScheduling.limits) as made:
        yield made


def in_sandbox(sandbox, program, workload):
    with sandbox.start(program) as candidate:
        return TxnScheduling().evaluate(candidate, workload)


# What it refuses


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0, 1, 3], r"place 2 of the order is 3 \(int\), expected a transaction, a whole number \(int\) in 0..2"),
        ([0, -1, 2], "place 1 of the order is -1 "),
        ([0, 1, 1], "transaction 1 is in the order twice, at places 1 and 2; 1 of 3 are missing, .* transaction 2"),
        ([0, 0, 0], "transaction 0 is in the order twice, at places 0 and 1; 2 of 3 are missing, .* transaction 1"),
        ([0, 1], "a list of 2 where 3 belong"),
        ([0, 1, 2, 0], "a list of 4 where 3 belong"),
        ([], "a list of 0 where"),
        ([0, 1.0, 2], r"place 1 of the order is 1.0 \(float\)"),
        ([0, True, 2], r"place 1 of the order is True \(bool\)"),
        ([0, "1", 2], r"place 1 of the order is '1' \(str\)"),
        ([0, None, 2], "place 1 of the order is None"),
        ([0, float("nan"), 2], r"place 1 of the order is nan \(float\)"),
        ([0, 2**70, 2], "place 1 of the order is 11805916207174113"),
        ([[0, 1, 2]], r"place 0 of the order is \[0, 1, 2\] \(list\)"),
        (None, "NoneType"),
        (3, "int"),
        ("012", "str"),
        ({0: 1, 1: 0, 2: 2}, "dict"),
        (np.array([0.0, 1, 2]), "float64"),
        (np.array([[0, 1, 2]]), r"shape \(1, 3\)"),
        (np.array([0, 1, 7]), "the transaction at place 2 is 7, expected 0..2"),
        (np.array([2, 1, 2]), "transaction 2 is in the order twice"),
    ],
)
def test_an_answer_that_is_no_order_is_infeasible_and_named(answer, message):
    with pytest.raises(Infeasible, match=message):
        checked_order(answer, 3, "transaction")


def test_an_integer_array_is_as_good_as_a_list():
    assert (
        checked_order(np.array([2, 0, 1], dtype=np.uint8), 3, "transaction")
        == checked_order([2, 0, 1], 3, "transaction")
        == [2, 0, 1]
    )


# What it scores


def test_the_makespan_is_ours_and_the_feedback_names_who_waited_for_which_key():
    outcome = TxnScheduling().evaluate(
        InProcess("def schedule(t): return [0, 1, 2]"), Workload("data/small", read=SMALL)
    )
    assert outcome.metrics == {"makespan_ticks": 7, "as_given_ticks": 7, "bound_ticks": 4}
    for fact in (
        "makespan 7 ticks (as given 7, reference 4, no order is below 4: the longest transaction)",
        ": 2 (number 3) ends last",
        "a chain of 3, longest at key 1 (2 ticks in 1), key 2 (2 ticks in 1) holds it up (reference: ",
        "longest wait: 2 (number 3) starts 2 ticks after 1, to read key 1",
        "2 (number 3) raises the makespan most, by 3, waiting to read key 1 after 1",
    ):
        assert fact in outcome.feedback, outcome.feedback


def test_a_transaction_that_waits_for_nobody_is_explained():
    alone = Workload("data/alone", read=(Transaction(5, ()), Transaction(2, (("r", 1, 1),))))
    outcome = TxnScheduling().evaluate(InProcess("def schedule(t): return [0, 1]"), alone)
    assert outcome.score is None
    assert "it waits for nobody" in outcome.feedback


@pytest.mark.parametrize("split", SPLITS)
def test_seed_and_the_order_as_given_score_zero(split):
    for source in (SEED, SOURCES["as_given"]):
        assert [o.score for o in outcomes(source, split)] == [0.0] * len(outcomes(source, split))


@pytest.mark.slow
def test_a_reference_program_scores_a_hundred_through_the_sandbox(sandbox):
    workload = TxnScheduling().instances(Split.PUBLIC)[1]
    assert in_sandbox(sandbox, SOURCES["smf_local_search"], workload).score == 100


@pytest.mark.slow
@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION, Split.TEST])
def test_the_better_one_of_the_reference_programs_scores_a_hundred_on_every_own_set(split):
    by_program = [outcomes(SOURCES[name], split) for name in ("smf_local_search", "insertion_search")]
    assert {max(a.score, b.score) for a, b in zip(*by_program, strict=True)} == {100.0}


def total(name, split):
    return sum(o.metrics["makespan_ticks"] for o in outcomes(SOURCES[name], split))


@pytest.mark.parametrize("split", SPLITS)
def test_the_published_order_holds_in_ticks(split):
    """As given > SMF with k = 10 > SMF with k = n > search, over a whole split.

    Not on every instance: where the order as given is good already (public workloads 2 and 3, the orders and payments)
    SMF is worse, since it looks at one step alone; the published total counts ticks, of which workload 1 has most. For
    the same reason our mean over instances puts SMF below 0 on the public split.
    """
    reference = sum(figures_of(w).reference for w in TxnScheduling().instances(split))
    totals = [total(name, split) for name in ("as_given", "smf", "smf_full")]
    assert totals == sorted(totals, reverse=True)
    assert reference < totals[-1]
    assert total("random_best_of_100", split) > total("smf", split)


def test_published_figures_of_the_public_set():
    as_given = outcomes(SOURCES["as_given"], Split.PUBLIC)
    assert [o.metrics["makespan_ticks"] for o in as_given] == [452, 38, 47]
    figures = TxnScheduling().summarise(Split.PUBLIC, as_given)
    assert (figures["total_makespan_ticks"], figures["adrs_score"]) == (537, 0)


def test_the_best_known_orders_are_orders_and_take_what_is_said():
    """Less than the best published total of 223 ticks. Workloads 2 and 3 cannot be done in less."""
    known = [best_orders()[digest(w.transactions)] for w in PUBLIC]
    for workload, one in zip(PUBLIC, known, strict=True):
        assert sorted(one.order) == list(range(len(workload.transactions)))
        assert makespan(workload.transactions, one.order) == figures_of(workload).reference
    ticks = [figures_of(w).reference for w in PUBLIC]
    assert ticks[0] <= 150 and ticks[1:] == [33, 28] == [bound_of(w)[0] for w in PUBLIC[1:]]


@pytest.mark.slow
def test_no_order_of_the_third_public_workload_ends_before_tick_28():
    """The proof, by CP-SAT: two minutes. Of transactions that do the same, the one of lower number goes first."""
    cp_model = pytest.importorskip("ortools.sat.python.cp_model", reason="OR-Tools is not installed")
    transactions = PUBLIC[2].transactions
    ticks = 27
    model = cp_model.CpModel()
    starts = [model.new_int_var(1, ticks + 1 - t.length, "") for t in transactions]
    ranks = [model.new_int_var(0, len(transactions) - 1, "") for _ in transactions]
    for i, j in itertools.combinations(range(len(transactions)), 2):
        first = model.new_bool_var("")
        for a, b, holds in ((i, j, first), (j, i, ~first)):
            apart = [
                p - q + 1
                for kind, key, p in transactions[a].ops
                for other, same, q in transactions[b].ops
                if key == same and WRITE in (kind, other)
            ]
            if apart:
                model.add(starts[b] >= starts[a] + max(apart)).only_enforce_if(holds)
                model.add(ranks[b] > ranks[a]).only_enforce_if(holds)
        if transactions[i] == transactions[j]:
            model.add(starts[i] < starts[j])
    for key in {t.ops[1][1] for t in transactions}:
        model.add_all_different([s for s, t in zip(starts, transactions, strict=True) if t.ops[1] == (WRITE, key, 9)])
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 2
    assert solver.solve(model) == cp_model.INFEASIBLE


def test_smf_is_near_the_published_human_baseline():
    figures = TxnScheduling().summarise(Split.PUBLIC, outcomes(SOURCES["smf"], Split.PUBLIC))
    assert figures["total_makespan_ticks"] == pytest.approx(352, abs=20), "other random numbers, the same rule"


def test_adrs_score_belongs_to_the_three_public_workloads_alone():
    one = {"makespan_ticks": 10.0, "as_given_ticks": 20.0}
    assert "adrs_score" not in TxnScheduling().summarise(Split.TRAIN, outcomes(SEED, Split.PUBLIC))
    assert "adrs_score" not in TxnScheduling().summarise(Split.PUBLIC, [Outcome(1.0, one)] * 3)


# What cheats the public verifier


def test_a_makespan_of_its_own_is_no_answer(sandbox):
    for program in (
        "def schedule(t): return 0, [], 0",
        "def schedule(t): return 0, list(range(len(t))), 0",
        "def schedule(t): return {'makespan': 0, 'schedule': list(range(len(t)))}",
        "def schedule(t): return []",
    ):
        with pytest.raises(Infeasible):
            in_sandbox(sandbox, program, PUBLIC[1])


def test_an_answer_that_would_run_when_unpickled_runs_nowhere(sandbox, tmp_path):
    mark = tmp_path / "ran"
    program = (
        "import pickle\n"
        "class Evil:\n"
        f"    def __reduce__(self): return (open, ({str(mark)!r}, 'w'))\n"
        "def schedule(t): return ANSWER\n"
    )
    for answer in ("Evil()", "[Evil()]", "pickle.dumps(Evil())"):
        with pytest.raises((Infeasible, CandidateFailure)):
            in_sandbox(sandbox, program.replace("ANSWER", answer), PUBLIC[1])
    assert not mark.exists()


def test_changing_the_transactions_changes_no_score(sandbox):
    program = (
        "def schedule(transactions):\n"
        "    for i, t in enumerate(transactions):\n"
        "        t.ops.clear()\n"
        "        transactions[i] = type(t)(1, [])\n"
        "    return list(range(len(transactions)))\n"
    )
    assert in_sandbox(sandbox, program, PUBLIC[0]).metrics["makespan_ticks"] == 452


def test_what_is_printed_is_no_score(sandbox):
    program = "def schedule(t):\n    print('makespan: 0')\n    return list(range(len(t)))\n"
    assert in_sandbox(sandbox, program, PUBLIC[1]).score == 0


def test_numpy_answers_pass_the_wire(sandbox):
    program = "import numpy as np\ndef schedule(t): return np.arange(len(t))\n"
    assert in_sandbox(sandbox, program, PUBLIC[2]).metrics["makespan_ticks"] == 47


# What the model reads


def test_the_example_of_the_statement_runs_and_gives_its_answer(sandbox):
    statement = (FOLDER / "problem.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", statement, re.DOTALL)
    program = {}
    exec(code, program)
    listed = tuple(Transaction(length, tuple(ops)) for length, ops in program["transactions"])
    assert program["schedule"](listed) == program["answer"]
    outcome = in_sandbox(sandbox, code, Workload("data/example", read=listed))
    assert outcome.metrics["makespan_ticks"] == program["makespan_ticks"]


def test_the_candidate_sees_what_the_statement_says(sandbox):
    statement = (FOLDER / "problem.md").read_text()
    for field in Transaction.__struct_fields__:
        assert f"`{field}`" in statement
    program = (
        "def schedule(transactions):\n"
        "    t = transactions[0]\n"
        "    assert (t.length, t.ops) == (4, [['r', 1, 1], ['w', 2, 2]])\n"
        "    return [0, 1, 2]\n"
    )
    in_sandbox(sandbox, program, Workload("data/small", read=SMALL))


def test_every_baseline_cites_its_source_and_the_seed_marks_what_may_change():
    assert all("Source: " in source for source in SOURCES.values())
    assert SEED.index("# EVOLVE-BLOCK-START") < SEED.index("def schedule") < SEED.index("# EVOLVE-BLOCK-END")


def test_worker_processes_give_the_same_figures():
    from evolve.workers import LocalWorkers

    async def run():
        async with LocalWorkers(str(FOLDER), {}, 1) as pool:
            return [r async for r in pool.evaluate(SOURCES["smf"], Split.TRAIN, range(3))]

    results = asyncio.run(run())
    assert [r.score for r in results] == [o.score for o in outcomes(SOURCES["smf"], Split.TRAIN)[:3]]
