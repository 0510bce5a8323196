"""The least CPU time of three calls counts, so the three must do the same work."""

from __future__ import annotations

import pytest

from evaluators.eplb import Eplb
from evolve.evaluator import Split
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

MIXED = """
import os
import numpy as np

def rebalance(weight, num_replicas, num_groups, num_nodes, num_gpus):
    layers, experts = weight.shape
    slots = np.tile(np.arange(num_replicas) % experts, (layers, 1))
    {change}
    return slots
"""


@pytest.mark.parametrize("change", ["slots[0] = np.roll(slots[0], int.from_bytes(os.urandom(4)))"])
def test_calls_that_answer_differently_are_infeasible(change: str) -> None:
    evaluator = Eplb()
    instance = evaluator.instances(Split.TRAIN)[0]
    with Sandbox(evaluator.limits) as sandbox:
        result = evaluate_instance(evaluator, sandbox, MIXED.format(change=change), instance)
        same = evaluate_instance(evaluator, sandbox, MIXED.format(change="pass"), instance)
    assert result.status is Status.INFEASIBLE
    assert "placed otherwise than call 1" in result.feedback
    assert same.status is Status.OK
