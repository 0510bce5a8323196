"""The ledger: worked examples of the public simulator, the two guards, and answers that are no answers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spot_worlds import Decide, run, world

from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Observation, Rules, Terms
from evolve.evaluator import Infeasible

WORDS = {"N": NONE, "S": SPOT, "O": ON_DEMAND}


def spot_or_wait(obs: Observation, available: bool) -> str:
    return SPOT if available else NONE


def spot_or_on_demand(obs: Observation, available: bool) -> str:
    return SPOT if available else ON_DEMAND


def always_wait(obs: Observation, available: bool) -> str:
    return NONE


# unavailable ticks, deadline, policy, paid, work, cost: computed with the public simulator, g = 600, K = 3600, h = 360
EXAMPLES = {
    "A": ([0], 7200, spot_or_wait, "NSSSSSSS", [0, 240, 600, 600, 600, 600, 600, 360], 1.1352833333333334),
    "B": (
        [0, 0, 0, 1, 1, 0],
        7200,
        spot_or_wait,
        "NSSSNNSSSSS",
        [0, 240, 600, 600, 0, 0, 240, 600, 600, 600, 120],
        1.2974666666666668,
    ),
    "C": (
        [0, 0, 0, 0, 0, 1],
        4800,
        spot_or_on_demand,
        "NSSSSSNOOO",
        [0, 240, 600, 600, 600, 600, 0, 240, 600, 120],
        2.3409166666666668,
    ),
    "D": (
        [1],
        7200,
        always_wait,
        "NNNNNNOOOOOOO",
        [0, 0, 0, 0, 0, 0, 240, 600, 600, 600, 600, 600, 360],
        3.5699999999999994,
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_public_rules_agree_with_the_worked_example(name: str) -> None:
    unavailable, deadline_s, decide, paid, work, cost = EXAMPLES[name]
    bill = run(world(Terms(deadline_s, 3600, 360), 600, [1 - u for u in unavailable]), "public", decide)
    assert bill.paid == tuple(WORDS[letter] for letter in paid)
    assert bill.work_s == tuple(work)
    assert bill.cost_usd == pytest.approx(cost, abs=1e-12)


def test_public_example_c_ends_late_and_strict_rules_do_not_let_it() -> None:
    unavailable, deadline_s, decide, *_ = EXAMPLES["C"]
    window = world(Terms(deadline_s, 3600, 360), 600, [1 - u for u in unavailable])
    assert run(window, "public", decide).finish_s == 5400
    strict = run(window, "strict", decide)
    assert strict.finish_s <= 4800
    assert strict.forced_tick is not None
    assert set(strict.paid[strict.forced_tick + 1 :]) == {ON_DEMAND}


def test_public_example_d_is_forced_from_tick_5() -> None:
    unavailable, deadline_s, decide, *_ = EXAMPLES["D"]
    bill = run(world(Terms(deadline_s, 3600, 360), 600, [1 - u for u in unavailable]), "public", decide)
    assert bill.forced_tick == 5


def test_a_policy_sees_what_ran_even_when_it_has_just_been_preempted() -> None:
    seen: list[Observation] = []

    def record(obs: Observation, available: bool) -> str:
        seen.append(obs)
        return SPOT if available else NONE

    run(world(Terms(14400, 3600, 360), 600, [1, 1, 0, 0, 1]), "strict", record)
    assert [obs.running for obs in seen[:5]] == [NONE, SPOT, SPOT, NONE, NONE]
    assert [obs.done_s for obs in seen[:5]] == [0, 240, 840, 840, 840]
    assert seen[-1].done_s == 3600, "asked once more in the tick that finds the work done"


def test_an_overhead_longer_than_a_tick_is_paid_over_several() -> None:
    seen: list[float] = []

    def record(obs: Observation, available: bool) -> str:
        seen.append(obs.overhead_left_s)
        return SPOT

    bill = run(world(Terms(7200, 600, 500), 200, [1]), "strict", record)
    assert bill.work_s == (0, 0, 0, 100, 200, 200, 100)
    assert seen == [0, 300, 100, 0, 0, 0, 0]
    assert bill.starts == 1


@given(st.integers(0, 2**32))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_under_strict_rules_no_policy_ends_late(seed: int) -> None:
    rng = random.Random(seed)
    tick_s = rng.choice([60, 195, 300, 600])
    overhead_s = rng.choice([0, 15, 72, 180, 360, 720, 1440, tick_s, 2 * tick_s])
    task_s = rng.randint(1, 20 * tick_s)
    # The least deadline for which the job fits at all, in whole ticks, or a later one.
    needed_s = -(-(task_s + overhead_s) // tick_s) * tick_s
    terms = Terms(needed_s + rng.choice([0, 1, rng.randint(0, 10 * tick_s)]), task_s, overhead_s)
    share = rng.random()
    window = world(terms, tick_s, [rng.random() < share for _ in range(40)])

    def adversary(kind: int) -> Decide:
        if kind == 0:
            return lambda obs, available: rng.choice([NONE, SPOT, ON_DEMAND])
        if kind == 1:  # start anew as often as it can, to lose one overhead after the other
            return lambda obs, available: SPOT if obs.running != SPOT and available else ON_DEMAND
        if kind == 2:
            return lambda obs, available: NONE if obs.running != NONE else SPOT
        return lambda obs, available: SPOT

    for kind in range(4):
        assert run(window, "strict", adversary(kind)).finish_s <= terms.deadline_s


@pytest.mark.parametrize(
    "answer",
    [None, 0, 1, True, 1.5, float("nan"), "spot", "", "ON-DEMAND", b"SPOT", ["SPOT", 0], {"action": "SPOT"}, [], {}],
    ids=repr,
)
@pytest.mark.parametrize("rules", ["strict", "public"])
def test_an_answer_that_is_no_action_is_infeasible_and_names_tick_and_value(answer: object, rules: Rules) -> None:
    def decide(obs: Observation, available: bool) -> object:
        return answer if obs.tick == 3 else NONE

    with pytest.raises(Infeasible) as error:
        run(world(Terms(7200, 3600, 360), 600, [1]), rules, decide)
    assert "tick 3" in str(error.value)
    assert str(answer)[:4] in str(error.value)


def test_a_huge_answer_does_not_fill_the_message() -> None:
    with pytest.raises(Infeasible) as error:
        run(world(Terms(7200, 3600, 360), 600, [1]), "strict", lambda obs, available: "x" * 10**6)
    assert len(str(error.value)) < 200


def test_spot_asked_for_where_there_is_none_is_no_error_and_costs_nothing() -> None:
    bill = run(world(Terms(14400, 600, 60), 600, [0, 0, 1]), "strict", lambda obs, available: SPOT)
    assert bill.paid == (NONE, NONE, NONE, SPOT, SPOT)
    assert bill.starts == 1
