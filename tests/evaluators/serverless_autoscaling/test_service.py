"""serverless_autoscaling, mode concurrency: ticks by hand and by a slow way, foresight, the draws, the verifier."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

import seeds
from evaluators import serverless_autoscaling
from evaluators.serverless_autoscaling.evaluator import (
    ServerlessAutoscaling,
    ServerlessAutoscalingOptions,
    served,
)
from evaluators.serverless_autoscaling.service import Hour, Load, digest, serve, with_foresight
from evaluators.serverless_autoscaling.service_figures import (
    compute_hour,
    figures_of_hour,
    score_of_hour,
    stored_hours,
)
from evaluators.serverless_autoscaling.service_workload import HOURS, own_hour
from evolve.evaluator import Infeasible, Split, UsageError
from evolve.registry import load_problem
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

FOLDER = Path(serverless_autoscaling.__file__).parent
SEED = (Path(seeds.__file__).parent / "serverless_autoscaling_concurrency.py").read_text()
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
SERVICE = ServerlessAutoscaling(ServerlessAutoscalingOptions(mode="concurrency"))
OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def load_of(arrived, base_s=1.0, knee=10.0, start_ticks=2, replicas=1):
    return Load(np.array(arrived), base_s, knee, start_ticks, replicas)


def slow_cost(load, answers):
    """A request at a time: (cost, late)."""
    starting, ready, limit, line, cost, late, part = [], load.replicas, 100, [], 0, 0, 0.0
    for tick, arrived in enumerate(load.arrived.tolist()):
        ready += sum(at == tick for at in starting)
        starting = [at for at in starting if at > tick]
        at_once = min(limit, (len(line) + arrived * min(1, load.base_s / 2)) / ready)
        takes = load.base_s * (1 if at_once <= load.knee else (at_once / load.knee) ** 1.2)
        line += [tick] * arrived
        able = part + ready * at_once * 2 / takes
        done = [line.pop(0) for _ in range(min(len(line), int(able + 1e-9)))]
        part = able - len(done) if line else 0.0
        missed = sum(2 * (tick - came) + takes > 2 for came in done)
        cost, late = cost + 2 * (ready + len(starting)) + 10 * missed, late + missed
        if tick + 1 < len(load.arrived):
            replicas, limit = answers[tick]
            while ready + len(starting) < replicas:
                starting.append(tick + 1 + load.start_ticks)
            while ready + len(starting) > replicas:
                if starting:
                    starting.pop()
                else:
                    ready -= 1
    return cost + 10 * len(line), late + len(line)


def test_ticks_by_hand():
    """One replica, base 1 s, knee 10: up to 20 requests a tick take 1 s each; 80 make 40 at once, each 5.3 s."""
    course = serve(load_of([20, 80, 0]), lambda seen: (1, 100))
    first, second, third = course.ticks
    assert (first.at_once, first.service_s, first.served, first.late, first.waiting) == (10.0, 1.0, 20, 0, 0)
    assert second.at_once == 40.0 and second.service_s == pytest.approx(4**1.2)
    assert second.served == second.late == int(40 * 2 / 4**1.2) == 15, "all of them take longer than 2 s"
    assert third.wanted == 65 and third.waiting == 65 - third.served
    assert course.late == 80 and course.cost == 3 * 2 + 800
    limited = serve(load_of([20, 80, 0]), lambda seen: (1, 10))
    assert [tick.served for tick in limited.ticks] == [20, 20, 20] and limited.late == 20 + 40
    assert limited.cost == 6 + 600, "the first 20 of the 80 are in time, those that waited a tick are late"


def test_replicas_start_late_and_stop_at_once():
    asked = iter([3, 3, 3, 1, 1])
    course = serve(load_of([5] * 6), lambda seen: (next(asked), 100))
    assert [tick.ready for tick in course.ticks] == [1, 1, 1, 3, 1, 1]
    assert [tick.starting for tick in course.ticks] == [0, 2, 2, 0, 0, 0]
    assert course.cost == 2 * (1 + 3 + 3 + 3 + 1 + 1)


def test_costs_are_those_of_one_request_after_the_other_on_200_random_hours():
    rng = np.random.default_rng(1)
    for _ in range(200):
        ticks = int(rng.integers(2, 12))
        load = load_of(
            rng.integers(0, 60, ticks) * (rng.random(ticks) < 0.7),
            float(rng.uniform(0.2, 1.5)),
            float(rng.uniform(3, 20)),
            int(rng.integers(0, 4)),
            int(rng.integers(1, 4)),
        )
        answers = [(int(rng.integers(1, 6)), int(rng.integers(1, 40))) for _ in range(ticks)]
        course = serve(load, lambda seen, answers=answers: answers[seen.tick])
        assert (course.cost, course.late) == slow_cost(load, answers)
        assert sum(tick.served for tick in course.ticks) + course.ticks[-1].waiting == load.arrived.sum()


def test_no_baseline_beats_foresight_and_learning_the_limit_beats_the_default():
    found = {}
    hours = [SERVICE.instances(Split.TRAIN)[k] for k in (0, 1, 2)]
    for name, source in SOURCES.items():
        costs = [served(InProcess(source), hour).cost for hour in hours]
        found[name] = [score_of_hour(figures_of_hour(h), cost) for h, cost in zip(hours, costs, strict=True)]
    assert found["kpa"] == [0.0] * 3
    assert max(map(max, found.values())) < 100
    assert min(found["q_learning"]) > 0 and min(found["aimd"]) > 50
    assert np.mean(found["none"]) < 0


def test_every_hour_is_the_one_its_figures_were_computed_from():
    for split in OWN:
        hours = SERVICE.instances(split)
        assert len(hours) == len(HOURS[split])
        for hour in hours:
            assert digest(hour) == stored_hours().digests[hour.id]
            assert 0 < figures_of_hour(hour).reference < 0.9 * figures_of_hour(hour).naive
        assert compute_hour(hours[0]) == figures_of_hour(hours[0])
    assert not np.array_equal(own_hour(Split.TRAIN, 0, 0).load.arrived, own_hour(Split.TRAIN, 1, 0).load.arrived)
    (fresh,), again = (SERVICE.fresh(Split.TRAIN, 1, count) for count in (1, 2))
    assert fresh.id == "train/fresh-1-0" and digest(fresh) == digest(again[0]) != digest(again[1])


TINY = Hour("data/0", lambda: load_of([20, 80, 0]), generated=False)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("None", "tick 0: the answer is NoneType, expected 2"),
        ("(1,)", "the answer is 1 values"),
        ("(0, 100)", "replicas is 0, expected a whole number from 1 to 200"),
        ("(201, 100)", "replicas is 201"),
        ("(1, 0)", "limit is 0, expected a whole number from 1 to 1000"),
        ("(1, 2.0)", "limit is 2.0"),
        ("(True, 1)", "replicas is True"),
        ("(float('nan'), 1)", "replicas is nan"),
    ],
)
def test_an_answer_that_is_none_is_infeasible_and_named(answer, message):
    program = f"class Scaler:\n    def __init__(self, info): pass\n    def decide(self, obs): return {answer}"
    with pytest.raises(Infeasible, match=message):
        SERVICE.evaluate(InProcess(program), TINY)


def test_the_seed_is_the_default_and_feedback_names_the_cause_in_500_characters():
    outcome = SERVICE.evaluate(InProcess(SEED), SERVICE.instances(Split.TRAIN)[2])
    assert outcome.score == 0.0 and len(outcome.feedback) <= 500
    assert "reference" in outcome.feedback and "slows down from" in outcome.feedback
    assert "most are late from" in outcome.feedback
    picture = SERVICE.picture(InProcess(SEED), SERVICE.instances(Split.TRAIN)[2])
    assert [panel.title.split(",")[0] for panel in picture.panels] == ["Replicas", "Requests"]


def test_a_mean_of_logarithms_is_what_counts():
    figures = figures_of_hour(SERVICE.instances(Split.TRAIN)[0])
    middle = round(math.sqrt(figures.naive * figures.reference))
    assert score_of_hour(figures, middle) == pytest.approx(50, abs=0.01)
    assert with_foresight(load_of([0] * 5)) == 2 * 5, "one replica"


def test_every_baseline_runs_within_its_limits_in_the_sandbox_and_there_are_no_files(tmp_path):
    hour = SERVICE.instances(Split.TRAIN)[0]
    whole = hour.load
    short = Hour(
        "data/short",
        lambda: Load(whole.arrived[:90], whole.base_s, whole.knee, whole.start_ticks, whole.replicas),
        generated=False,
    )
    with Sandbox(SERVICE.limits) as sandbox:
        for name, source in SOURCES.items():
            result = evaluate_instance(SERVICE, sandbox, source, short)
            assert result.status is Status.OK, (name, result.feedback)
    for asked in (
        lambda: SERVICE.instances(Split.PUBLIC),
        lambda: SERVICE.load(tmp_path),
        lambda: SERVICE.write([hour], tmp_path),
    ):
        with pytest.raises(UsageError, match="mode concurrency"):
            asked()


def test_each_mode_has_a_seed_of_its_own_of_which_nothing_is_idle():
    for mode, there, elsewhere in (("functions", "Policy", "Scaler"), ("concurrency", "Scaler", "Policy")):
        seed = load_problem("serverless_autoscaling", {"mode": mode}).seed
        assert f"class {there}" in seed and elsewhere not in seed
