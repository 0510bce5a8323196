"""The verifier: what it refuses, scores and says; the examples of the statement; real programs in the sandbox."""

from __future__ import annotations

import functools
import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from in_process import InProcess

import seeds
from evaluators import single_machine_tardiness
from evaluators.orders import checked_order
from evaluators.single_machine_tardiness import SingleMachineTardiness
from evaluators.single_machine_tardiness.evaluator import TardinessOptions
from evaluators.single_machine_tardiness.figures import figures_of
from evaluators.single_machine_tardiness.jobs import KINDS, Arrivals, Jobs, Present, shown
from evolve.evaluator import Infeasible, Split
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

FOLDER = Path(single_machine_tardiness.__file__).parent
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
SEED = (Path(seeds.__file__).parent / "single_machine_tardiness.py").read_text()
STATEMENT = (FOLDER / "problem.md").read_text()
OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
EVALUATORS = {kind: SingleMachineTardiness(TardinessOptions(kind=kind)) for kind in KINDS}
SMALL = Jobs("train/0", (30, 10, 50, 20), (60, 15, 80, 70), (2, 4, 5, 1))  # under the id of an instance with figures


@functools.cache
def mean_score(source, kind, split, every=2):
    evaluator = EVALUATORS[kind]
    outcomes = [evaluator.evaluate(InProcess(source), jobs) for jobs in evaluator.instances(split)[::every]]
    return float(np.mean([outcome.score for outcome in outcomes]))


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(SingleMachineTardiness.limits) as made:
        yield made


# What it refuses


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0, 1, 2, 4], r"place 3 of the order is 4 \(int\), expected a job, a whole number \(int\) in 0..3"),
        ([0, -1, 2, 3], "place 1 of the order is -1 "),
        ([0, 1, 2.0, 3], r"place 2 of the order is 2.0 \(float\)"),
        ([0, True, 2, 3], r"place 1 of the order is True \(bool\)"),
        ([0, 2**80, 2, 3], "place 1 of the order is 1208925819614629174706176 "),
        ([0, 1, 2], "a list of 3 where 4 belong"),
        ([0, 1, 2, 3, 0], "a list of 5 where 4 belong"),
        ([0, 1, 1, 0], "job 1 is in the order twice, at places 1 and 2; 2 of 4 are missing, the first of them job 2"),
        (np.array([0.0, 1, 2, 3]), "float64"),
        (np.array([[0, 1], [2, 3]]), r"shape \(2, 2\)"),
        (None, "NoneType"),
        ("0123", "str"),
    ],
)
def test_what_is_no_order_is_infeasible_and_named(answer, message):
    with pytest.raises(Infeasible, match=message):
        checked_order(answer, 4, "job")


def test_an_integer_array_is_as_good_as_a_list():
    assert checked_order(np.array([2, 0, 1], dtype=np.uint8), 3, "job") == [2, 0, 1]


def test_nothing_that_a_program_does_to_its_arguments_or_says_of_its_cost_counts(sandbox):
    honest = "def sequence(p, d, w): return sorted(range(len(d)), key=d.tolist().__getitem__)\n"
    meddling = (
        "def sequence(p, d, w):\n"
        "    order = sorted(range(len(d)), key=d.tolist().__getitem__)\n"
        "    try:\n"
        "        d[:] = 10**9\n"
        "    except ValueError:\n"
        "        pass\n"
        "    return order\n"
    )
    evaluator = EVALUATORS["weighted"]
    jobs = evaluator.instances(Split.TRAIN)[0]
    first, second = (evaluate_instance(evaluator, sandbox, source, jobs) for source in (honest, meddling))
    assert first.score == 0
    assert second.metrics == first.metrics


def test_stalling_is_stopped_by_the_cpu_limit(sandbox):
    program = "def sequence(p, d, w):\n    while True: pass\n"
    evaluator = EVALUATORS["weighted"]
    result = evaluate_instance(evaluator, sandbox, program, evaluator.instances(Split.TRAIN)[0])
    assert (result.status, result.score) == (Status.TIMEOUT, None)


def test_the_wall_clock_is_no_hidden_limit():
    assert SingleMachineTardiness.limits.call_s >= 10 * SingleMachineTardiness.limits.cpu_s
    assert SingleMachineTardiness.limits.wall_s >= 10 * SingleMachineTardiness.limits.cpu_s


# What it scores


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split", OWN)
def test_seed_and_earliest_due_date_score_zero(kind, split):
    assert mean_score(SEED, kind, split) == 0
    assert mean_score(SOURCES["edd"], kind, split) == 0


def test_a_program_that_knew_the_optimum_would_score_a_hundred():
    evaluator = EVALUATORS["weighted"]
    jobs = min(evaluator.instances(Split.TRAIN), key=lambda one: len(one.due))
    longer = (
        SOURCES["iterated_dynasearch"].replace("MOST_KICKS = 30", "MOST_KICKS = 300").replace("40_000", "4_000_000")
    )
    assert evaluator.evaluate(InProcess(longer), jobs).score == pytest.approx(100, abs=0.5)


def test_the_rules_keep_their_order():
    scores = [mean_score(SOURCES[n], "weighted", Split.TRAIN) for n in ("edd", "wspt", "mdd", "atc", "rule_descent")]
    assert scores == sorted(scores)
    scores = [mean_score(SOURCES[n], "unweighted", Split.TRAIN) for n in ("edd", "mdd", "rule_descent")]
    assert scores == sorted(scores)
    scores = [mean_score(SOURCES[n], "online", Split.TRAIN) for n in ("edd", "wmdd")]
    assert scores == sorted(scores)
    assert scores[-1] < 100


def test_the_three_constants_of_the_seed_lead_to_weighted_modified_due_date():
    tuned = SEED.replace("LENGTH = 0.0", "LENGTH = 1.0").replace("WEIGHT = 0.0", "WEIGHT = 1.0")
    for split in (Split.TRAIN, Split.TEST):
        assert mean_score(tuned, "weighted", split, 4) == pytest.approx(
            mean_score(SOURCES["wmdd"], "weighted", split, 4), abs=2
        )
        assert mean_score(tuned, "weighted", split, 4) > 50


# What it says


def test_the_feedback_names_the_dearest_jobs_and_the_move_that_saves_most():
    def answered(order):
        jobs = [(SMALL.processing[job], SMALL.due[job]) for job in order]
        program = (
            "def sequence(p, d, w):\n"
            "    jobs = list(zip(p.tolist(), d.tolist()))\n"
            f"    return [jobs.index(job) for job in {jobs}]\n"
        )
        return EVALUATORS["weighted"].evaluate(InProcess(program), SMALL)

    found = answered([1, 2, 0, 3])
    assert found.metrics["cost_ticks"] == 100
    assert found.metrics["late_jobs"] == 2
    told = shown(SMALL).processing
    assert (
        f"job {told.index(30)} (p 30, w 2, due 60) ended at 90 and cost 60, job {told.index(50)} " not in found.feedback
    )
    assert f"job {told.index(30)} (p 30, w 2, due 60) ended at 90 and cost 60" in found.feedback
    assert found.feedback.startswith("weighted, 4 jobs: cost 100 (EDD ")
    worse = answered([3, 2, 0, 1])
    assert (
        f"job {told.index(10)} (p 10, w 4, due 15) ended at 110 and cost 380, job {told.index(20)} (p 20, w 1"
        in worse.feedback
    )
    best = max(worse.metrics["cost_ticks"] - answered(order).metrics["cost_ticks"] for order in _one_move([3, 2, 0, 1]))
    assert f"alone would save {best:g}" in worse.feedback
    least = min(itertools.permutations(range(4)), key=lambda order: answered(order).metrics["cost_ticks"])
    assert "no swap and no move of one job saves anything" in answered(least).feedback


def _one_move(order):
    for i, j in itertools.combinations(range(len(order)), 2):
        swapped = list(order)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        yield swapped
    for i, j in itertools.permutations(range(len(order)), 2):
        rest = [*order[:i], *order[i + 1 :]]
        yield [*rest[:j], order[i], *rest[j:]]


@pytest.mark.parametrize("kind", KINDS)
def test_feedback_is_short_and_there_whatever_the_program(kind):
    evaluator = EVALUATORS[kind]
    for split, program in itertools.product(OWN, ("edd", "spt", "wmdd")):
        for jobs in evaluator.instances(split)[::4]:
            feedback = evaluator.evaluate(InProcess(SOURCES[program]), jobs).feedback
            assert feedback.startswith(f"{kind}, {len(jobs.due)} jobs: cost ")
            assert 60 < len(feedback) <= 500


def test_waiting_online_is_told_with_its_ticks():
    jobs = EVALUATORS["online"].instances(Split.TRAIN)[0]
    lazy = (
        "class Policy:\n"
        "    def __init__(self, info): pass\n"
        "    def pick(self, obs): return -1 if obs.more_to_come else 0\n"
    )
    outcome = EVALUATORS["online"].evaluate(InProcess(lazy), jobs)
    waited = max(jobs.release) - min(jobs.release)
    assert f"waited {waited} ticks with a job present" in outcome.feedback
    assert "waited" not in EVALUATORS["online"].evaluate(InProcess(SOURCES["edd"]), jobs).feedback


# What the model reads


def test_the_examples_of_the_statement_run_and_give_their_answers():
    offline, online = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)
    program = {}
    exec(offline, program)
    assert program["sequence"](program["processing"], program["due"], program["weight"]) == program["order"]
    jobs = Jobs("data/0", *(tuple(program[name].tolist()) for name in ("processing", "due", "weight")))
    paid = EVALUATORS["weighted"].evaluate(InProcess(offline), jobs)
    assert paid.metrics["cost_ticks"] == program["cost"] == 100
    exec(online, program)
    seen = {k: np.array(v) if isinstance(v, list) else v for k, v in program["seen"].items()}
    assert set(seen) == set(Present.__struct_fields__)
    assert program["Policy"](Arrivals(50.0, 0.9)).pick(SimpleNamespace(**seen)) == program["answer"]


def test_every_attribute_is_explained_and_the_ranges_are_true():
    for field in (*Arrivals.__struct_fields__, *Present.__struct_fields__):
        assert f"{field}`" in STATEMENT, field
    for kind, split in itertools.product(KINDS, OWN):
        for jobs in EVALUATORS[kind].instances(split):
            assert 40 <= len(jobs.due) <= 300
            assert 1 <= min(jobs.processing) <= max(jobs.processing) <= 100
            assert 1 <= min(jobs.weight) <= max(jobs.weight) <= 10
            assert min(jobs.due) >= 0
            assert jobs.online == (kind == "online")
            assert kind != "unweighted" or set(jobs.weight) == {1}
            assert figures_of(jobs, kind).reference > 0


def test_every_baseline_cites_its_source_and_the_seed_marks_what_may_change():
    assert set(SOURCES) >= {"edd", "spt", "wspt", "mdd", "wmdd", "atc", "covert", "psk"}
    assert all("Source: " in source for source in SOURCES.values())
    assert SEED.index("# EVOLVE-BLOCK-START") < SEED.index("def rank") < SEED.index("# EVOLVE-BLOCK-END")


def test_each_kind_asks_for_its_own_definitions():
    assert EVALUATORS["weighted"].defines == EVALUATORS["unweighted"].defines == ("sequence",)
    assert EVALUATORS["online"].defines == ("Policy",)
    assert Split.PUBLIC not in EVALUATORS["online"].splits
    assert SingleMachineTardiness.defines == ("sequence",)
