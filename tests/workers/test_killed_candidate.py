"""A candidate that somebody else kills is tried once more; one that has itself killed is to blame."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest

from evolve.evaluator import Candidate, Evaluator, Instance, Outcome, Split
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox
from sandbox.candidate import Candidate as Process

INSTANCE = Instance("train/0")
SOURCE = "def answer():\n    return 3.0\n"


class KillsItsCandidate(Evaluator):
    """Kills the candidate, as a kernel without memory would, as often as it is told."""

    name = "kills"
    summary = "kills its candidate"
    defines = ("answer",)

    def __init__(self, times: int) -> None:
        self.left = times
        self.tried = 0

    def instances(self, split: Split) -> Sequence[Instance]:
        return [INSTANCE]

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        self.tried += 1
        if self.left:
            self.left -= 1
            assert isinstance(candidate, Process)
            os.kill(candidate.host_pid, signal.SIGKILL)
        return Outcome(float(candidate.call("answer")), {}, "")


@pytest.mark.parametrize("times, status, tried", [(1, "ok", 2), (2, "error", 2)])
def test_a_candidate_that_is_killed_once_is_not_to_blame(times: int, status: str, tried: int) -> None:
    evaluator = KillsItsCandidate(times)
    with Sandbox() as sandbox:
        result = evaluate_instance(evaluator, sandbox, SOURCE, INSTANCE)
    assert (result.status, evaluator.tried) == (status, tried)
    assert (result.score, result.failure) == ((3.0, "") if status == "ok" else (None, "crashed"))
