"""What pays at the public verifier fails here, under both rule sets: each program runs in a real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import evaluators.spot_multi
from evaluators.spot_multi import SpotMulti
from evaluators.spot_multi.evaluator import SpotOptions
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.runs import Rules
from evolve.evaluator import Split
from evolve.scoring import InstanceResult, Status, put_together
from evolve.workers.evaluation import evaluate_instance, summary
from sandbox import Sandbox

EVALUATOR = SpotMulti()
BASELINES = Path(evaluators.spot_multi.__file__).parent / "baselines"
GREEDY = (BASELINES / "greedy.py").read_text(encoding="utf-8")
MOVES_ON = (BASELINES / "greedy_moves_on.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(EVALUATOR.limits) as sandbox:
        yield sandbox


def scored(
    sandbox: Sandbox,
    source: str,
    split: Split = Split.TRAIN,
    indices: tuple[int, ...] = (0,),
    rules: Rules = "strict",
) -> list[InstanceResult]:
    evaluator = SpotMulti(SpotOptions(rules=rules))
    windows = evaluator.instances(split)
    return [evaluate_instance(evaluator, sandbox, source, windows[i]) for i in indices]


def policy(decide: str, start: str = "pass", honest: str = MOVES_ON, before: str = "") -> str:
    """A program with a `Policy`, and the honest baseline under the name `Honest`."""
    body = "\n".join("        " + line for line in decide.strip("\n").splitlines())
    return (
        f"{before}\n{honest.replace('class Policy', 'class Honest')}\n"
        f"class Policy:\n    def __init__(self, info):\n        self.honest = Honest(info)\n        {start}\n"
        f"    def decide(self, obs):\n{body}\n"
    )


def test_an_honest_program_scores_in_the_sandbox_what_it_scores_without(sandbox: Sandbox) -> None:
    (result,) = scored(sandbox, GREEDY)
    assert result.status is Status.OK
    assert result.score == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("rules", ["strict", "public"])
def test_naming_the_cheapest_region_when_the_work_is_done_rewrites_no_bill(sandbox: Sandbox, rules: Rules) -> None:
    """At the public verifier the region named then sets the price of every tick of spot of the run."""
    rewriting = policy(
        """
if obs.done_s >= obs.task_s:
    return "NONE", min(range(len(self.prices)), key=lambda region: self.prices[region])
return self.honest.decide(obs)
""",
        "self.prices = info.spot_usd_per_h.tolist()",
    )
    for split, indices in ((Split.TRAIN, (0, 1, 2, 3)), (Split.PUBLIC, (0, 8, 16, 33))):
        honest = scored(sandbox, MOVES_ON, split, indices, rules)
        cheating = scored(sandbox, rewriting, split, indices, rules)
        assert [r.status for r in cheating] == [Status.OK] * len(indices), cheating
        assert [r.metrics["cost_usd"] for r in cheating] == [r.metrics["cost_usd"] for r in honest]
        assert [r.score for r in cheating] == [r.score for r in honest]


def test_the_windows_of_that_test_have_cheaper_regions_to_name() -> None:
    cheaper = [
        min(window.first_prices) < 0.95 * max(window.first_prices)
        for split, indices in ((Split.TRAIN, (0, 1, 2, 3)), (Split.PUBLIC, (0, 8, 16, 33)))
        for window in (SpotMulti().instances(split)[i] for i in indices)
        if isinstance(window, Window)
    ]
    assert sum(cheaper) >= 6


@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION, Split.TEST])
def test_being_late_cannot_be_had_for_the_price(sandbox: Sandbox, split: Split) -> None:
    chasing = policy('return "SPOT", (obs.region + 1) % len(obs.spot_available)')
    for result in scored(sandbox, chasing, split, (0, 1, 2, 3)):
        assert result.status is Status.OK
        assert result.metrics["late_runs"] == 0


def test_the_policy_is_not_the_accountant(sandbox: Sandbox) -> None:
    """Writing what the public simulator read back from the policy changes nothing here."""
    meddling = policy(
        """
for name in ("task_done_time", "work", "done_s", "cost_usd", "finished"):
    setattr(self, name, [1e9])
for name, value in (("done_s", obs.task_s), ("spot_usd_per_h", obs.spot_usd_per_h * 0)):
    try:
        setattr(obs, name, value)
        raise SystemError("an observation could be written")
    except AttributeError:
        pass
for array in (obs.spot_available, obs.spot_usd_per_h):
    try:
        array[0] = 0
        raise SystemError("an array could be written")
    except ValueError:
        pass
return self.honest.decide(obs)
"""
    )
    (honest,), (result,) = scored(sandbox, MOVES_ON), scored(sandbox, meddling)
    assert result.status is Status.OK, result.feedback
    assert result.metrics == honest.metrics


def test_neither_traces_nor_future_are_in_what_a_policy_is_given(sandbox: Sandbox) -> None:
    """The attributes are the promised ones, the arrays hold one number a region, no object of ours lies about."""
    nosy = policy(
        """
if obs.tick:
    return "ON_DEMAND", 0
names = {name for name in dir(obs) if not name.startswith("_")}
assert names == set(
    "deadline_s done_s elapsed_s on_demand_usd_per_h overhead_left_s overhead_s region running spot_available "
    "spot_usd_per_h task_s tick tick_s".split()
), names
for array in (obs.spot_available, obs.spot_usd_per_h):
    assert array.shape == (self.regions,) and array.base is None, array
for thing in gc.get_objects():
    module = type(thing).__module__
    assert not module.startswith(("evaluators", "evolve")), module
assert not [name for name in sys.modules if name.startswith(("evaluators", "evolve"))]
return "ON_DEMAND", 0
""",
        'self.regions = info.regions; assert not {"zones", "available", "id", "scenario"} & set(dir(info)), dir(info)',
        before="import gc, sys",
    )
    (result,) = scored(sandbox, nosy)
    assert result.status is Status.OK, result.feedback


def test_nothing_survives_from_one_run_to_the_next(sandbox: Sandbox) -> None:
    """At the public verifier, runs of overlapping windows share a process: learn the traces once, then know them."""
    remembering = policy(
        """
numpy.learned = getattr(numpy, "learned", [])
numpy.learned.append(obs.spot_available.tolist())
try:
    open("/tmp/learned", "a")
except OSError:
    return "ON_DEMAND", 0
raise SystemError("a file could be written")
""",
        'assert PRISTINE, "an earlier run left its traces"',
        before='import numpy\nPRISTINE = not hasattr(numpy, "learned")',
    )
    results = scored(sandbox, remembering, Split.PUBLIC, (0, 1, 0))
    assert [r.status for r in results] == [Status.OK] * 3, results
    assert results[0].metrics == results[2].metrics


@pytest.mark.parametrize("split", [Split.TRAIN, Split.PUBLIC])
def test_raising_on_dear_runs_drops_nothing_from_the_mean(sandbox: Sandbox, split: Split) -> None:
    picky = policy(
        """
if obs.tick == 5 and not obs.spot_available.any():
    raise RuntimeError("this one would be dear")
return "ON_DEMAND", 0
"""
    )
    windows = EVALUATOR.instances(split)
    dear = [i for i, w in enumerate(windows) if isinstance(w, Window) and not any(z[5] for z in w.available)]
    assert dear
    easy = [i for i in range(len(windows)) if i not in dear]
    chosen = sorted([*dear[:2], *easy[:2]])
    results = scored(sandbox, picky, split, tuple(chosen))
    assert {r.status for r in results} == {Status.OK, Status.ERROR}
    whole = put_together(split, results, len(chosen), summary(EVALUATOR, split, results))
    assert whole.status is Status.ERROR
    assert whole.score is None
    assert "this one would be dear" in whole.feedback


@pytest.mark.parametrize(
    "answer",
    [
        "None",
        '"SPOT"',
        '("SPOT",)',
        '("SPOT", float("nan"))',
        '("SPOT", True)',
        '("SPOT", 10**100)',
        '("SPOT", -1)',
        '(type("S", (str,), {"__eq__": lambda *_: True, "__hash__": str.__hash__})("FREE"), 0)',
        '("SPOT", numpy.array([0]))',
        "self",
        '("SPOT", lambda: 0)',
    ],
)
def test_an_answer_of_a_bogus_type_is_a_recorded_failure(sandbox: Sandbox, answer: str) -> None:
    (result,) = scored(sandbox, policy(f"return {answer}", before="import numpy"))
    assert result.status in (Status.INFEASIBLE, Status.ERROR)
    assert result.failure in ("infeasible", "bad_answer")
    assert result.score is None


def test_a_printed_figure_is_no_figure(sandbox: Sandbox) -> None:
    talking = policy('print("mean: 0")\nreturn self.honest.decide(obs)', "print('cost_usd: 0')", honest=GREEDY)
    (result,) = scored(sandbox, talking)
    assert result.score == pytest.approx(0, abs=1e-9)
