"""The verifier: what it refuses, what it scores, what it says. The program runs in this process; the sandbox's part
is in test_cheats.py.
"""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from in_process import InProcess
from pydantic import ValidationError

from evaluators.eplb import Eplb
from evaluators.eplb.evaluator import EplbOptions
from evaluators.eplb.scale import figures, reference_placement
from evaluators.eplb.workload import Cluster, EplbInstance, Traffic
from evolve.evaluator import Infeasible, Split

SMALL = Eplb().instances(Split.TEST)[2]  # 26 layers, 64 experts, 72 replicas, 8 GPUs
NAIVE = "import numpy as np\ndef rebalance(w, r, *_): return np.tile(np.arange(r) % w.shape[1], (w.shape[0], 1))"
CHANGED = NAIVE.replace("return ", "a = ") + "; "


class Stub:
    """A candidate that gives ready answers, one to each call of it and its fresh copies, and takes a given time."""

    import_cpu_s = 0.0
    top_level_cpu_s = 0.0

    def __init__(self, answers, cpu_s=1e-3):
        self.answers, self.spent, self.cpu_s = iter(answers), cpu_s, 0.0

    def fresh(self):
        return Stub(self.answers, self.spent)

    def call(self, function, *arguments):
        self.cpu_s += self.spent
        return next(self.answers)


def test_the_naive_placement_scores_zero_and_the_reference_a_hundred_at_one_millisecond():
    windows, cluster = SMALL.windows(), SMALL.cluster
    naive = np.tile(np.arange(72) % 64, (26, 1))
    best = reference_placement(windows.seen, cluster)
    assert Eplb().evaluate(Stub([naive] * 3), SMALL).score == pytest.approx(0.0, abs=1e-9)
    assert Eplb().evaluate(Stub([best] * 3), SMALL).score == pytest.approx(100.0, abs=1e-9)


def test_x_and_the_score_follow_from_balancedness_and_cpu_time():
    known = figures(SMALL)
    outcome = Eplb().evaluate(Stub([np.tile(np.arange(72) % 64, (26, 1))] * 3, cpu_s=10e-3), SMALL)
    x = 1 - outcome.metrics["balancedness"] + 0.05 * np.log10(outcome.metrics["cpu_ms"]) / 3
    assert outcome.metrics["cpu_ms"] == pytest.approx(10.0)
    assert outcome.metrics["x"] == pytest.approx(x, abs=1e-12)
    assert outcome.score == pytest.approx(100 * ((1 - known.naive) - x) / (known.reference - known.naive), abs=1e-9)


def test_calls_that_answer_differently_are_infeasible_whichever_is_the_better():
    naive, best = np.tile(np.arange(72) % 64, (26, 1)), reference_placement(SMALL.windows().seen, SMALL.cluster)
    for answers, call in (([best, naive, naive], 2), ([naive, naive, best], 3)):
        with pytest.raises(Infeasible, match=f"call {call} placed otherwise than call 1"):
            Eplb().evaluate(Stub(answers), SMALL)


def test_cpu_time_is_the_least_of_the_calls():
    class Slowing(Stub):
        def fresh(self):
            return Slowing(self.answers, 2 * self.spent) if self.spent < 4e-3 else Slowing(self.answers, 1e-3)

    naive = np.tile(np.arange(72) % 64, (26, 1))
    assert Eplb().evaluate(Slowing([naive] * 3, cpu_s=4e-3), SMALL).metrics["cpu_ms"] == pytest.approx(1.0)
    assert Eplb().evaluate(Slowing([naive] * 3, cpu_s=2e-3), SMALL).metrics["cpu_ms"] == pytest.approx(2.0)


def test_every_expert_needs_a_replica_also_one_that_gets_no_token():
    quiet = EplbInstance("quiet", Cluster(2, 8, 12, 1, 1, 4), Traffic(tokens=3))
    assert (quiet.windows().scored == 0).any(axis=1).all()
    silent = int((quiet.windows().scored[0] == 0).argmax())
    slots = np.tile([*range(8), *range(4)], (2, 1))
    slots[0, slots[0] == silent] = (silent + 1) % 8
    with pytest.raises(Infeasible, match=f"layer 0: expert {silent} has no replica"):
        Eplb().evaluate(Stub([slots] * 3), quiet)


def test_every_one_of_the_answers_is_verified():
    naive = np.tile(np.arange(72) % 64, (26, 1))
    with pytest.raises(Infeasible, match="shape"):
        Eplb().evaluate(Stub([naive, naive, naive[:, :71]]), SMALL)


def test_a_disaster_is_no_worse_than_minus_a_hundred():
    slots = np.zeros((26, 72), dtype=int)
    slots[:, 9:] = np.arange(63) + 1  # GPU 0 holds nothing but the nine replicas of expert 0
    assert Eplb().evaluate(Stub([slots] * 3, cpu_s=1e300), SMALL).score == -100.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("a[3, 5] = 64; return a", "the expert in (layer, slot) (3, 5) is 64, expected 0..63"),
        ("a[3, 5] = -1; return a", "the expert in (layer, slot) (3, 5) is -1, expected 0..63"),
        (
            "a[2, 11] = 12; return a",
            "layer 2: expert 11 has no replica; every expert needs at least one (1 are missing",
        ),
        ("a[:] = 0; return a", "layer 0: expert 1 has no replica"),
        ("return a[:-1]", "the answer has shape (25, 72), expected (26, 72)"),
        ("return a.tolist()[:-1] + [[1]]", "a list of 1 where 72 belong"),
        ("return a.astype(float)", "float64, expected whole numbers"),
        ("return a > 0", "bool, expected whole numbers"),
        ("return None", "holds NoneType"),
        ("return {}", "holds dict"),
        ("return []", "a list of 0 where 26 belong"),
        ("return 'x'", "holds str"),
        ("return [[10**30] * 72] * 26", "a number beyond 64 bits"),
        ("return [[float('nan')] * 72] * 26", "expected whole numbers"),
        ("return a, a, a", "a list of 3 where 26 belong"),
    ],
)
def test_what_is_no_placement_is_refused_by_layer_and_slot_or_expert(change, message):
    with pytest.raises(Infeasible, match=re.escape(message)):
        Eplb().evaluate(InProcess(CHANGED + change), SMALL)


def test_lists_and_any_width_of_integers_are_placements():
    scores = {
        Eplb(EplbOptions(cpu_weight=0)).evaluate(InProcess(CHANGED + change), SMALL).score
        for change in (
            "return a",
            "return a.tolist()",
            "return a.astype('uint8')",
            "return tuple(map(tuple, a.tolist()))",
        )
    }
    assert len(scores) == 1


def test_feedback_names_the_layer_the_gpu_and_the_expert_that_cost_most():
    windows = SMALL.windows()
    feedback = Eplb().evaluate(InProcess(NAIVE), SMALL).feedback
    layer, gpu, expert, replicas = (
        int(re.search(pattern, feedback)[1])
        for pattern in (r"Layer (\d+)", r"GPU (\d+) gets", r"is expert (\d+)", r"has (\d+) replica")
    )
    slots = np.arange(72) % 64
    assert expert in slots[gpu * 9 : gpu * 9 + 9]
    assert replicas == (2 if expert < 8 else 1)
    tokens = (windows.scored / np.bincount(slots))[:, slots].reshape(26, 8, 9).sum(axis=2)
    excess = tokens.max(axis=1) - tokens.mean(axis=1)
    assert (layer, gpu) == (excess.argmax(), tokens[layer].argmax())
    assert f"{tokens[layer, gpu] / tokens[layer].mean():.2f} times the mean" in feedback
    assert re.search(r"CPU [\d.e-]+ ms is [+-][\d.]+ of x = [\d.]+, -?[\d.]+ points of the score", feedback)


def test_one_call_and_no_cpu_term_are_options_and_other_keys_are_refused():
    evaluator = Eplb(EplbOptions(calls=1, cpu_weight=0))
    assert evaluator.evaluate(Stub([np.tile(np.arange(72) % 64, (26, 1))], cpu_s=7.0), SMALL).score == pytest.approx(0)
    with pytest.raises(ValidationError):
        EplbOptions(cals=1)
    with pytest.raises(ValidationError):
        evaluator.options.calls = 2
    assert all(field.description for field in EplbOptions.model_fields.values())


def test_what_changes_with_speed_is_declared_as_timed():
    naive = np.tile(np.arange(72) % 64, (26, 1))
    slow, fast = (Eplb().evaluate(Stub([naive] * 3, cpu_s=s), SMALL) for s in (1.0, 1e-3))
    differ = {name for name in slow.metrics if slow.metrics[name] != fast.metrics[name]}
    assert {"x", "cpu_ms"} <= differ <= set(Eplb.timed_metrics)
    assert {"score", "adrs_score", "import_cpu_ms", "wall_ms"} <= set(Eplb.timed_metrics)


def test_an_outcome_can_be_written_down():
    outcome = Eplb().evaluate(InProcess(NAIVE), SMALL)
    assert json.loads(json.dumps(dict(outcome.metrics))) == outcome.metrics
    assert all(type(value) is float for value in outcome.metrics.values())
