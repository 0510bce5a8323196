"""The ledger: worked examples of the public simulator, what strict rules change, answers that are no answers."""

from __future__ import annotations

import random
from collections import Counter
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multi_worlds import Decide, follow, run, small_worlds, world
from transcription import State, played

from evaluators.spot_multi.mechanics import final_price
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Observation, Rules, Terms
from evolve.evaluator import Infeasible

RULES: tuple[Rules, ...] = ("strict", "public")
TERMS = Terms(7200, 3600, 360)
PRICES = (((0, 1.6),), ((0, 0.9),))


def spot_in_zone_1_from_tick_3(obs: Observation, there: tuple[int, ...]) -> tuple[str, int]:
    return SPOT, int(obs.tick >= 3)


def spot_here_or_there(obs: Observation, there: tuple[int, ...]) -> tuple[str, int]:
    return (SPOT, obs.region) if there[obs.region] else (SPOT, 1 - obs.region)


# where spot is available, policy, paid from tick 0, work, cost: computed with the public simulator, tick 600 s
EXAMPLES = {
    "A": (([1], [1]), spot_in_zone_1_from_tick_3, "SSSSSSS", [240, 600, 600, 600, 600, 600, 360], 1.05),
    "B": (
        ([1, 1, 1, 0], [1]),
        spot_here_or_there,
        "SSSSSSSS",
        [240, 600, 600, 240, 600, 600, 600, 120],
        1.2,
    ),
    "C": (
        ([1], [0, 0, 0, 0, 1]),
        spot_in_zone_1_from_tick_3,
        "SSSNSSSSS",
        [240, 600, 600, 0, 240, 600, 600, 600, 120],
        1.2,
    ),
}


def example(name: str) -> Window:
    return world(TERMS, 600, EXAMPLES[name][0], PRICES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_public_rules_agree_with_the_worked_example(name: str) -> None:
    _, decide, paid, work, cost = EXAMPLES[name]
    bill = run(example(name), "public", decide)
    assert "".join(action[0] for action in bill.ran) == paid
    assert bill.work_s == tuple(work)
    assert bill.cost_usd == pytest.approx(cost, abs=1e-12)


def test_strict_rules_make_the_free_move_of_example_a_a_start_and_charge_each_region_its_price() -> None:
    bill = run(example("A"), "strict", spot_in_zone_1_from_tick_3)
    assert bill.starts == 2
    assert bill.work_s == (240, 600, 600, 240, 600, 600, 600, 120)
    assert bill.cost_usd == pytest.approx((3 * 1.6 + 5 * 0.9) * 600 / 3600, abs=1e-12)


def test_strict_rules_charge_a_tick_the_price_of_that_tick() -> None:
    window = world(Terms(7200, 1800, 0), 600, ([1],), (((0, 1.0), (1, 2.0)),))
    assert run(window, "strict", lambda obs, _: (SPOT, 0)).usd == pytest.approx((1 / 6, 2 / 6, 2 / 6))
    assert run(window, "public", lambda obs, _: (SPOT, 0)).usd == pytest.approx((1 / 6, 1 / 6, 1 / 6))


def test_stopping_and_moving_while_nothing_runs_are_free() -> None:
    def decide(obs: Observation, there: tuple[int, ...]) -> tuple[str, int]:
        return (NONE, obs.tick % 2) if obs.tick < 4 else (SPOT, 1)

    bill = run(world(Terms(14400, 600, 60), 600, ([1], [1]), PRICES), "strict", decide)
    assert bill.ran == (NONE, NONE, NONE, NONE, SPOT, SPOT)
    assert (bill.starts, bill.moves, bill.free_moves) == (1, 0, 3)


def test_a_move_is_counted_where_it_costs_a_start_however_long_nothing_ran_before() -> None:
    def decide(obs: Observation, there: tuple[int, ...]) -> tuple[str, int]:
        return ((SPOT, 0), (NONE, 1), (NONE, 0), (SPOT, 1))[min(obs.tick, 3)]

    two_zones = world(Terms(14400, 1200, 60), 600, ([1], [1]), PRICES)
    bill = run(two_zones, "strict", decide)
    assert (bill.starts, bill.moves, bill.free_moves) == (2, 1, 2)
    bill = run(two_zones, "public", lambda obs, _: (SPOT, obs.tick % 2))
    assert (bill.starts, bill.moves, bill.free_moves) == (1, 0, 2), "the public rules see no move of what runs on"


def test_on_demand_moved_to_another_region_is_a_start_under_strict_rules_only() -> None:
    def decide(obs: Observation, there: tuple[int, ...]) -> tuple[str, int]:
        return ON_DEMAND, int(obs.tick >= 1)

    window = world(Terms(7200, 1200, 300), 600, ([0], [0]))
    assert run(window, "strict", decide).work_s == (300, 300, 600)
    assert run(window, "public", decide).work_s == (300, 600, 300)


def test_work_is_kept_across_a_move() -> None:
    seen: list[float] = []

    def decide(obs: Observation, there: tuple[int, ...]) -> tuple[str, int]:
        seen.append(obs.done_s)
        return SPOT, int(obs.tick >= 2)

    run(world(Terms(14400, 1800, 300), 600, ([1], [1]), PRICES), "strict", decide)
    assert seen == [0, 300, 900, 1200, 1800]


def test_a_policy_sees_what_ran_and_where_even_when_it_has_just_been_preempted() -> None:
    seen: list[tuple[str, int]] = []

    def decide(obs: Observation, there: tuple[int, ...]) -> tuple[str, int]:
        seen.append((obs.running, obs.region))
        return SPOT, 1 if there[1] else 0

    run(world(Terms(14400, 1200, 60), 600, ([1], [1, 1, 0, 0, 1])), "strict", decide)
    assert seen == [(NONE, 0), (SPOT, 1), (SPOT, 1), (SPOT, 0)]


def test_the_guard_stays_where_the_run_is_and_cannot_be_hopped_out_of() -> None:
    """Naming another region in every tick would be a start each time, and late."""
    window = world(Terms(3 * 3600, 7200, 600), 600, ([0], [0]))
    for action in (NONE, ON_DEMAND):
        bill = run(window, "strict", lambda obs, _, action=action: (action, (obs.tick + 1) % 2))  # type: ignore[misc]
        assert bill.forced_tick is not None
        assert bill.finish_s <= window.terms.deadline_s
        assert set(bill.ran[bill.forced_tick :]) == {ON_DEMAND}
        assert len(set(bill.regions[bill.forced_tick :])) == 1


@given(st.integers(0, 2**32))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_under_strict_rules_no_policy_ends_late(seed: int) -> None:
    rng = random.Random(seed)
    tick_s = rng.choice([60, 195, 300, 600])
    overhead_s = rng.choice([0, 15, 72, 180, 360, 720, 1440, tick_s, 2 * tick_s])
    task_s = rng.randint(1, 20 * tick_s)
    needed_s = ceil((task_s + overhead_s) / tick_s) * tick_s
    terms = Terms(needed_s + rng.choice([0, 1, rng.randint(0, 10 * tick_s)]), task_s, overhead_s)
    share = rng.random()
    window = world(terms, tick_s, [[rng.random() < share for _ in range(40)] for _ in range(3)])
    adversaries: list[Decide] = [
        lambda obs, there: (rng.choice([NONE, SPOT, ON_DEMAND]), rng.randrange(3)),
        lambda obs, there: (ON_DEMAND, (obs.region + 1) % 3),
        lambda obs, there: (SPOT if obs.running != SPOT else ON_DEMAND, (obs.region + 1) % 3),
        lambda obs, there: (SPOT, obs.tick % 3),
        lambda obs, there: (NONE, 0),
    ]
    for adversary in adversaries:
        assert run(window, "strict", adversary).finish_s <= terms.deadline_s


@pytest.mark.parametrize("rules", RULES)
def test_the_ledger_agrees_with_a_slow_transcription_of_the_rules_on_200_random_cases(rules: Rules) -> None:
    rng = random.Random(5)
    happened: Counter[str] = Counter()
    for number, window in enumerate(small_worlds(200, seed=3, most_ticks=12)):
        lean = rng.choice([(1, 1, 1), (1, 6, 1), (1, 3, 3), (4, 2, 1)])
        answers = [
            (rng.choices([NONE, SPOT, ON_DEMAND], lean)[0], rng.randrange(len(window.zones)))
            for _ in range(window.ticks)
        ]

        def decide(t: int, state: State, answers: list[tuple[str, int]] = answers) -> tuple[str, int]:
            return answers[t]

        try:
            expected = played(window, rules, decide)
        except IndexError:  # under public rules a policy may ride on beyond every window
            happened["beyond"] += 1
            with pytest.raises(Infeasible, match="ended with"):
                follow(window, rules, answers)
            continue
        bill = follow(window, rules, answers)
        assert bill is not None
        assert (bill.cost_usd, len(bill.ran)) == pytest.approx(expected, abs=1e-9), (number, window)
        happened["forced"] += bill.forced_tick is not None
        happened["moved"] += bill.moves + bill.free_moves > 0
        happened["late"] += bill.finish_s > window.terms.deadline_s
        happened["restarted"] += bill.starts > 1
    assert happened["forced"] > 20 < happened["restarted"]
    assert happened["moved"] > 50
    assert (happened["late"] > 0) == (rules == "public")


def test_the_last_move_may_raise_the_price_of_a_public_run_but_not_lower_it() -> None:
    assert final_price((1.6, 0.9), last=0, named=1) == 1.6
    assert final_price((1.6, 0.9), last=1, named=0) == 1.6
    assert final_price((1.6, 0.9), last=1, named=1) == 0.9


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "returned None"),
        ("SPOT", "returned 'SPOT', expected (action, region)"),
        (("SPOT",), "expected (action, region)"),
        (("SPOT", 0, 0), "expected (action, region)"),
        ({"SPOT": 0, "NONE": 1}, "expected (action, region)"),
        (("spot", 0), "action 'spot'"),
        ((0, "SPOT"), "action 0"),
        (([], 0), "action []"),
        (("SPOT", "0"), "region '0'"),
        (("SPOT", True), "region True"),
        (("SPOT", 1.0), "region 1.0"),
        (("SPOT", -1), "region -1, expected int 0..1"),
        (("SPOT", 2), "region 2, expected int 0..1"),
        (("NONE", 10**30), "expected int 0..1"),
        (("SPOT", None), "region None"),
    ],
    ids=repr,
)
def test_an_answer_that_is_no_action_and_region_is_infeasible_and_names_tick_and_value(
    answer: object, says: str, rules: Rules
) -> None:
    window = world(Terms(7200, 3600, 360), 600, ([1], [1]))
    with pytest.raises(Infeasible) as error:
        run(window, rules, lambda obs, _: answer if obs.tick == 3 else (NONE, 0))
    assert "tick 3" in str(error.value)
    assert says in str(error.value)


def test_a_huge_answer_does_not_fill_the_message() -> None:
    window = world(Terms(7200, 3600, 360), 600, ([1],))
    for answer in ("x" * 10**6, ("x" * 10**6, 0), ("SPOT", "0" * 10**6), ["SPOT"] * 10**5):
        with pytest.raises(Infeasible) as error:
            run(window, "strict", lambda obs, _, answer=answer: answer)  # type: ignore[misc]
        assert len(str(error.value)) < 300


def test_spot_asked_for_where_there_is_none_is_no_error_and_costs_nothing() -> None:
    bill = run(world(Terms(14400, 600, 60), 600, ([0], [0, 0, 1])), "strict", lambda obs, _: (SPOT, 1))
    assert bill.ran == (NONE, NONE, SPOT, SPOT)
    assert bill.starts == 1
