"""The verifier: what it scores and says; real programs in the sandbox; the statement's example."""

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
from evaluators import flow_time
from evaluators.flow_time import FlowTime
from evaluators.flow_time.evaluator import FlowTimeOptions
from evaluators.flow_time.figures import figures_of
from evaluators.flow_time.machine import KINDS, Case, Job, MachineInfo, Present
from evaluators.flow_time.public_format import Read
from evolve.evaluator import Split, UsageError
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

FOLDER = Path(flow_time.__file__).parent
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
SEED = (Path(seeds.__file__).parent / "flow_time.py").read_text()
STATEMENT = (FOLDER / "problem.md").read_text()
OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
EVALUATORS = {kind: FlowTime(FlowTimeOptions(kind=kind)) for kind in KINDS}


@functools.cache
def outcomes(source, kind, split, every=4):
    evaluator = EVALUATORS[kind]
    return [evaluator.evaluate(InProcess(source), case) for case in evaluator.instances(split)[::every]]


def mean_score(source, kind, split, every=4):
    return float(np.mean([outcome.score for outcome in outcomes(source, kind, split, every)]))


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(FlowTime.limits) as made:
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_seed_and_round_robin_score_zero(kind):
    assert mean_score(SEED, kind, Split.TRAIN) == pytest.approx(0, abs=1e-9)
    assert mean_score(SOURCES["round_robin"], kind, Split.TEST, 7) == pytest.approx(0, abs=1e-9)


def test_who_knows_all_work_scores_a_hundred():
    """Jobs of one operation that is revealed on arrival: nothing is hidden."""
    jobs = [
        tuple(Job(j.arrival, (sum(j.ops),)) for j in m)
        for m in EVALUATORS["gradual"].instances(Split.TRAIN)[4].machines
    ]
    case = Case("data/known", "given", 0.8, Read(tuple(jobs)))
    outcome = EVALUATORS["gradual"].evaluate(InProcess(SOURCES["op_srpt"]), case)
    assert outcome.score == pytest.approx(100)
    assert outcome.metrics["ratio"] == pytest.approx(1)


def test_what_is_known_orders_the_policies():
    """Knowing an operation beats knowing nothing, an estimate of the whole too; nobody reaches the clairvoyant."""
    gradual = [
        mean_score(SOURCES[name], "gradual", Split.TRAIN) for name in ("round_robin", "least_revealed", "op_srpt")
    ]
    assert gradual == sorted(gradual)
    assert gradual[-1] < 97
    assert mean_score(SOURCES["estimated_srpt"], "estimate", Split.TRAIN) > mean_score(
        SOURCES["gittins"], "blind", Split.TRAIN
    )
    assert mean_score(SOURCES["gittins"], "blind", Split.TRAIN) > mean_score(SOURCES["las"], "blind", Split.TRAIN)


def test_shortest_operation_first_falls_into_the_traps_of_test():
    traps = [c for c in EVALUATORS["gradual"].instances(Split.TEST) if c.family == "trap"][:2]
    scores = [EVALUATORS["gradual"].evaluate(InProcess(SOURCES["op_srpt"]), case).score for case in traps]
    assert max(scores) < 50


def test_the_sandbox_gives_the_same_figures_and_a_policy_cannot_reach_another_machine(sandbox):
    evaluator = EVALUATORS["gradual"]
    case = evaluator.instances(Split.TRAIN)[4]
    honest = evaluate_instance(evaluator, sandbox, SOURCES["op_srpt"], case)
    meddling = SOURCES["op_srpt"].replace(
        "        return obs",
        "        if not isinstance(obs.op_left, list):\n"
        "            raise SystemError\n"
        "        for name in ('now', 'attained', 'op_left'):\n"
        "            try:\n"
        "                setattr(obs, name, [0])\n"
        "                raise SystemError('an observation could be written')\n"
        "            except AttributeError:\n"
        "                pass\n"
        "        return obs",
    )
    cheated = evaluate_instance(evaluator, sandbox, meddling, case)
    assert honest.status is cheated.status is Status.OK
    assert cheated.metrics == honest.metrics == evaluator.evaluate(InProcess(SOURCES["op_srpt"]), case).metrics


def test_asking_for_ever_is_infeasible_and_stalling_ends_with_the_cpu_limit(sandbox):
    evaluator = EVALUATORS["gradual"]
    case = evaluator.instances(Split.TRAIN)[4]
    tick = "class Policy:\n    def __init__(self, info): pass\n    def run(self, obs): return 0, 1\n"
    result = evaluate_instance(evaluator, sandbox, tick, case)
    assert result.status is Status.INFEASIBLE
    assert "give larger budgets, or a plan" in result.feedback
    assert FlowTime.limits.call_s >= 10 * FlowTime.limits.cpu_s
    assert FlowTime.limits.wall_s >= 10 * FlowTime.limits.cpu_s


# What it says


def test_the_feedback_names_who_lost_most_and_behind_whom():
    machine = (Job(0, (9000,)), Job(1000, (50,)), Job(2000, (10, 10)))
    case = Case("data/0", "given", 0.9, Read((machine,)))
    first_come = EVALUATORS["gradual"].evaluate(InProcess(SOURCES["fcfs"]), case)
    assert "gradual, given, 1 machines, 3 jobs, load 0.9: mean flow 8040 ticks (round robin " in first_come.feedback
    assert "worst: job 1 of machine 0 (1 operations, 50 ticks of work, there at 1000)" in first_come.feedback
    # Job 0 has 8000 left when job 1 comes; its last 50 ticks are less than job 1 has.
    assert (
        "ended 8000 ticks later than with SRPT: 7950 ticks went to jobs that had more left than it"
        in first_come.feedback
    )
    assert "7950 of them to job 0 (1 operations, 9000 ticks)" in first_come.feedback


@pytest.mark.parametrize("kind", KINDS)
def test_feedback_is_short_and_there_whatever_the_program(kind):
    for name in ("round_robin", "fcfs", "op_srpt"):
        for outcome in outcomes(SOURCES[name], kind, Split.TRAIN):
            assert outcome.feedback.startswith(f"{kind}, ")
            assert 100 < len(outcome.feedback) <= 500


# What the model reads


def test_the_example_of_the_statement_gives_its_answer_and_runs():
    (code,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)
    program = {}
    exec(code, program)
    assert set(program["example"]) == set(Present.__struct_fields__)
    policy = program["Policy"](MachineInfo("gradual", 1000, 0.9, 0, 0.0))
    assert policy.run(SimpleNamespace(**program["example"])) == program["answer"]
    assert EVALUATORS["gradual"].evaluate(InProcess(code), EVALUATORS["gradual"].instances(Split.TRAIN)[4]).score > 50


def test_every_attribute_is_explained_and_the_ranges_are_true():
    for field in (*MachineInfo.__struct_fields__, *Present.__struct_fields__):
        assert f"`{field}`" in STATEMENT, field
    for kind, split in itertools.product(KINDS, OWN):
        for case in EVALUATORS[kind].instances(split):
            assert len(case.machines) in (4, 8)
            assert {len(jobs) for jobs in case.machines} <= {125, 250}
            assert 0.7 <= case.load <= 0.97
            assert all(1 <= len(job.ops) <= 17 and min(job.ops) >= 1 for jobs in case.machines for job in jobs)
            if kind == "tests":
                assert {len(job.ops) for jobs in case.machines for job in jobs} == {2}
                assert len({job.ops[0] for jobs in case.machines for job in jobs}) == 1


def test_a_mean_operation_is_a_thousand_ticks_and_the_load_is_what_is_told():
    lengths, loads = [], []
    for case in EVALUATORS["gradual"].instances(Split.TRAIN):
        if case.family in ("exponential", "rising"):  # the tails of the others are too heavy for a sample
            ops = [op for jobs in case.machines for job in jobs for op in job.ops]
            lengths.append(np.mean(ops))
            loads.append(
                np.mean([sum(sum(j.ops) for j in jobs) / jobs[-1].arrival for jobs in case.machines]) / case.load
            )
    assert 950 < np.mean(lengths) < 1050
    assert 0.93 < np.mean(loads) < 1.1


def test_every_baseline_cites_its_source_and_the_seed_marks_what_may_change():
    assert set(SOURCES) >= {"fcfs", "round_robin", "las", "op_srpt", "least_revealed", "gittins"}
    assert all("Source: " in source for source in SOURCES.values())
    assert SEED.index("# EVOLVE-BLOCK-START") < SEED.index("def rank") < SEED.index("# EVOLVE-BLOCK-END")


def test_tests_have_no_public_trace():
    with pytest.raises(UsageError, match="no public trace has tests"):
        EVALUATORS["tests"].instances(Split.PUBLIC)
    assert Split.PUBLIC not in EVALUATORS["tests"].splits
    for kind in ("gradual", "blind", "estimate"):
        for case in EVALUATORS[kind].instances(Split.PUBLIC):
            assert figures_of(case, kind).tells


def test_the_picture_shows_every_tick_of_a_job_and_who_had_less_left():
    """First come first served: from tick 8 on, job 1 has 6 left and the new job 2 only 3."""
    case = Case("data/0", "own", 0.9, Read(((Job(0, (4,)), Job(1, (10,)), Job(8, (3,))),)))
    fifo = "class Policy:\n  def __init__(self, info): pass\n  def run(self, obs): return 0, 10**6"
    gantt, flow_times = EVALUATORS["gradual"].picture(InProcess(fifo), case).panels
    least, more, waits = "has the least work left", "another has less left", "waits"
    assert [[(one.start, one.end, one.kind) for one in lane.intervals] for lane in gantt.lanes] == [
        [(0, 1, least), (1, 4, least)],
        [(1, 4, waits), (4, 8, least), (8, 14, more)],
        [(8, 14, waits), (14, 17, least)],
    ]
    assert [line.points for line in flow_times.lines] == [
        ((3.0, 9.0), (4.0, 4.0), (10.0, 13.0)),
        ((3.0, 3.0), (4.0, 4.0), (10.0, 16.0)),
    ]
