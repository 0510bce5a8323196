"""Claims about how many steps are in flight: enough for the workers, no long queue."""

from __future__ import annotations

import math

import pytest
from loop_parts import configured

from evolve.loop.budget import Ledger
from evolve.loop.free import Flow, free_models


def flow_of(latency_s: float, interval_s: float, workers: int = 2) -> Flow:
    """Return a flow that has seen calls of this length, and a step end every so often while workers were busy."""
    flow = Flow(workers)
    for number in range(20):
        flow.answered(latency_s)
        flow.ended(number * interval_s, waiting=workers)
    return flow


def test_steps_in_flight_are_what_ends_while_one_is_answered_and_two_for_each_worker() -> None:
    assert flow_of(2.0, 0.05).steps == pytest.approx(40 + math.sqrt(40) + 4)
    assert flow_of(0.0, 0.05).steps == pytest.approx(4)


def test_nothing_is_concluded_from_steps_that_ended_while_a_worker_had_nothing_to_do() -> None:
    flow = Flow(2)
    for number in range(20):
        flow.answered(2.0)
        flow.ended(10.0 * number, waiting=1)
    assert flow.steps == 0


@pytest.mark.parametrize(
    ("calling", "evaluating", "is_free"), [(30, 4, True), (47, 4, False), (49, 3, True), (50, 3, False)]
)
def test_a_queue_may_be_longer_while_more_is_answered_than_is_under_way(
    calling: int, evaluating: int, is_free: bool
) -> None:
    config = configured(100, model__concurrency=50)
    ledger = Ledger(config.budget)
    ledger.calling = dict.fromkeys(range(calling), "m")
    ledger.evaluating = set(range(100, 100 + evaluating))
    assert free_models(config, ledger, flow_of(2.0, 0.05), ()) == (frozenset({"m"}) if is_free else frozenset())


def test_who_answers_at_once_does_not_fill_a_queue_however_slow_the_others_are() -> None:
    config = configured(100, model__names=("m", "builtin"))
    ledger = Ledger(config.budget)
    ledger.evaluating = set(range(4))
    assert free_models(config, ledger, flow_of(2.0, 0.05), ()) == frozenset()
    ledger.evaluating = set(range(3))
    assert free_models(config, ledger, flow_of(2.0, 0.05), ()) == frozenset({"m", "builtin"})
