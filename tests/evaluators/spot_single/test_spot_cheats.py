"""What pays at the public verifier fails here: each program runs in a real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import evaluators.spot_single
from evaluators.spot_single import SpotSingle
from evolve.evaluator import Split
from evolve.scoring import InstanceResult, Status, put_together
from evolve.workers.evaluation import evaluate_instance, summary
from sandbox import Sandbox

EVALUATOR = SpotSingle()
GREEDY = (Path(evaluators.spot_single.__file__).parent / "baselines" / "greedy.py").read_text(encoding="utf-8")
SPOT_OR_WAIT = '    return "SPOT" if obs.spot_available[0] else "NONE"\n'


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(EVALUATOR.limits) as sandbox:
        yield sandbox


def scored(
    sandbox: Sandbox, source: str, split: Split = Split.TRAIN, indices: tuple[int, ...] = (0,)
) -> list[InstanceResult]:
    windows = EVALUATOR.instances(split)
    return [evaluate_instance(EVALUATOR, sandbox, source, windows[i]) for i in indices]


def policy(decide: str, start: str = "pass", before: str = "") -> str:
    body = "\n".join("        " + line for line in decide.strip("\n").splitlines())
    return (
        f"{before}\nclass Policy:\n    def __init__(self, info):\n        {start}\n    def decide(self, obs):\n{body}\n"
    )


GREEDY_OF = "from math import ceil, floor\n" + GREEDY.split("from math import ceil, floor")[1].replace(
    "Policy", "Greedy"
)


def test_an_honest_program_scores_in_the_sandbox_what_it_scores_without(sandbox: Sandbox) -> None:
    (result,) = scored(sandbox, GREEDY)
    assert result.status is Status.OK
    assert result.score == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION, Split.TEST])
def test_being_late_cannot_be_had_for_the_price(sandbox: Sandbox, split: Split) -> None:
    always_spot = policy('return "SPOT"')
    for result in scored(sandbox, always_spot, split, (0, 1, 2, 3)):
        assert result.status is Status.OK
        assert result.metrics["late_runs"] == 0


def test_the_policy_is_not_the_accountant(sandbox: Sandbox) -> None:
    """Writing what the public simulator read back from the policy changes nothing here."""
    meddling = policy(
        """
for name in ("task_done_time", "work", "done_s", "cost_usd", "finished"):
    setattr(self, name, [1e9])
try:
    obs.done_s = obs.task_s
    raise SystemError("an observation could be written")
except AttributeError:
    pass
try:
    obs.spot_available[0] = True
    raise SystemError("an array could be written")
except ValueError:
    pass
return self.greedy.decide(obs)
""",
        "self.greedy = Greedy(info)",
        GREEDY_OF,
    )
    (honest,), (result,) = scored(sandbox, GREEDY), scored(sandbox, meddling)
    assert result.status is Status.OK, result.feedback
    assert result.metrics == honest.metrics


def test_neither_trace_nor_future_is_in_what_a_policy_is_given(sandbox: Sandbox) -> None:
    """The attributes are the promised ones, the arrays hold one number, and no long list lies about in the process."""
    nosy = policy(
        """
if obs.tick:
    return "ON_DEMAND"
names = {name for name in dir(obs) if not name.startswith("_")}
assert names == set(
    "deadline_s done_s elapsed_s on_demand_usd_per_h overhead_left_s overhead_s region running spot_available "
    "spot_usd_per_h task_s tick tick_s".split()
), names
for array in (obs.spot_available, obs.spot_usd_per_h):
    assert array.shape == (1,) and array.base is None, array
for thing in gc.get_objects():
    module = type(thing).__module__
    assert not module.startswith(("evaluators", "evolve")), module
assert not [name for name in sys.modules if name.startswith(("evaluators", "evolve"))]
return "ON_DEMAND"
""",
        'assert not {"zone", "trace", "available", "id"} & set(dir(info)), dir(info)',
        "import gc, sys",
    )
    (result,) = scored(sandbox, nosy)
    assert result.status is Status.OK, result.feedback


def test_nothing_survives_from_one_window_to_the_next(sandbox: Sandbox) -> None:
    """At the public verifier, runs of overlapping windows share a process: learn the trace once, then know it."""
    remembering = policy(
        """
numpy.learned = getattr(numpy, "learned", [])
numpy.learned.append(bool(obs.spot_available[0]))
try:
    open("/tmp/learned", "a")
except OSError:
    return "ON_DEMAND"
raise SystemError("a file could be written")
""",
        'assert PRISTINE, "an earlier window left its traces"',
        'import numpy\nPRISTINE = not hasattr(numpy, "learned")',
    )
    results = scored(sandbox, remembering, Split.PUBLIC, (0, 1, 0))
    assert [r.status for r in results] == [Status.OK] * 3, results
    assert results[0].metrics == results[2].metrics


def test_raising_on_dear_runs_drops_nothing_from_the_mean(sandbox: Sandbox) -> None:
    picky = policy(
        """
if obs.tick == 5 and not obs.spot_available[0]:
    raise RuntimeError("this one would be dear")
return self.greedy.decide(obs)
""",
        "self.greedy = Greedy(info)",
        GREEDY_OF,
    )
    windows = EVALUATOR.instances(Split.TRAIN)
    results = scored(sandbox, picky, Split.TRAIN, tuple(range(len(windows))))
    assert {r.status for r in results} == {Status.OK, Status.ERROR}
    whole = put_together(Split.TRAIN, results, len(windows), summary(EVALUATOR, Split.TRAIN, results))
    assert whole.status is Status.ERROR
    assert whole.score is None
    assert "this one would be dear" in whole.feedback


@pytest.mark.parametrize(
    "answer",
    [
        "None",
        'float("nan")',
        "1",
        '"spot"',
        '("SPOT", 0)',
        'type("S", (str,), {"__eq__": lambda *_: True, "__hash__": str.__hash__})("FREE")',
        "numpy.array([1.0])",
        "10**100",
        "self",
        "lambda: 0",
    ],
)
def test_an_answer_of_a_bogus_type_is_a_recorded_failure(sandbox: Sandbox, answer: str) -> None:
    (result,) = scored(sandbox, policy(f"return {answer}", before="import numpy"))
    assert result.status in (Status.INFEASIBLE, Status.ERROR)
    assert result.failure in ("infeasible", "bad_answer")
    assert result.score is None


def test_a_printed_figure_is_no_figure(sandbox: Sandbox) -> None:
    talking = policy(
        'print("mean: 0")\nreturn self.greedy.decide(obs)',
        "self.greedy = Greedy(info); print('cost_usd: 0')",
        GREEDY_OF,
    )
    (result,) = scored(sandbox, talking)
    assert result.score == pytest.approx(0, abs=1e-9)
