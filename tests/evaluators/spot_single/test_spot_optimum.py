"""The offline optimum: equal to trying everything, reached by its own plan, beaten by nobody."""

from __future__ import annotations

import math
import random

import pytest
from spot_worlds import follow, run, world

from evaluators.spot_single.mechanics import Window
from evaluators.spot_single.optimum import optimum
from evaluators.spot_single.workload import own_window
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Rules, Terms, ticks_needed
from evolve.evaluator import Split

RULES: tuple[Rules, ...] = ("strict", "public")


def cheapest_by_trying_all(window: Window, rules: Rules, requests: tuple[str, ...] = ()) -> float:
    bill = follow(window, rules, requests)
    if bill is not None:
        return bill.cost_usd
    return min(cheapest_by_trying_all(window, rules, (*requests, action)) for action in (NONE, SPOT, ON_DEMAND))


def small_worlds(count: int) -> list[Window]:
    rng = random.Random(7)
    worlds = []
    while len(worlds) < count:
        tick_s = rng.choice([60, 100, 195])
        overhead_s = rng.choice([0, 15, 30, 45, 60, 150, tick_s // 2, tick_s, tick_s + 30, 2 * tick_s])
        task_s = rng.randint(tick_s, 4 * tick_s)
        terms = Terms(task_s + overhead_s + rng.randint(0, 4 * tick_s), task_s, overhead_s)
        if terms.deadline_s // tick_s <= 6:
            available = [rng.random() < 0.6 for _ in range(ticks_needed(terms, tick_s))]
            worlds.append(world(terms, tick_s, available))
    return worlds


@pytest.mark.parametrize("rules", RULES)
def test_the_optimum_is_what_trying_all_requests_finds(rules: Rules) -> None:
    for window in small_worlds(40):
        best = optimum(window.runs[0], window.tick_s, window.available, rules)
        assert best.cost_usd == pytest.approx(cheapest_by_trying_all(window, rules), abs=1e-9), window


def test_the_small_worlds_tell_the_two_rules_apart() -> None:
    both = [[optimum(w.runs[0], w.tick_s, w.available, rules).cost_usd for rules in RULES] for w in small_worlds(40)]
    assert any(strict > public + 1e-9 for strict, public in both)
    assert all(strict >= public - 1e-9 for strict, public in both)


@pytest.mark.parametrize("rules", RULES)
def test_the_plan_costs_in_the_ledger_what_the_optimum_says(rules: Rules) -> None:
    for window in [*small_worlds(40), *(one_run(index, run_) for index in (0, 1, 2, 3) for run_ in (0, 5))]:
        best = optimum(window.runs[0], window.tick_s, window.available, rules, with_plan=True)
        bill = follow(window, rules, (*best.plan, NONE, NONE))
        assert bill is not None
        assert bill.cost_usd == pytest.approx(best.cost_usd, abs=1e-9)


@pytest.mark.parametrize("rules", RULES)
def test_no_policy_beats_the_optimum(rules: Rules) -> None:
    rng = random.Random(11)
    for index in range(6):
        window = one_run(index, index)
        terms = window.runs[0]
        best = optimum(terms, window.tick_s, window.available, rules).cost_usd
        costs = []
        for _ in range(30):
            pace, stay, waste = rng.uniform(0, 1.2), rng.uniform(0, 4), rng.uniform(0, 0.02)

            def decide(obs, available, pace=pace, stay=stay, waste=waste):  # type: ignore[no-untyped-def]
                ahead_s = obs.done_s - pace * obs.elapsed_s * obs.task_s / obs.deadline_s
                if rng.random() < waste:
                    return rng.choice([NONE, SPOT, ON_DEMAND])
                if obs.running == ON_DEMAND:
                    return SPOT if available and ahead_s > stay * obs.overhead_s else ON_DEMAND
                return SPOT if available else ON_DEMAND if ahead_s < 0 else NONE

            costs.append(run(window, rules, decide).cost_usd)
        assert min(costs) >= best - 1e-9
        assert min(costs) < 1.3 * best, "policies far from the optimum would prove nothing"


def test_spot_all_the_time_costs_ticks_of_spot_and_none_of_it_on_demand() -> None:
    terms = Terms(70 * 3600, 48 * 3600, 360)
    ticks = math.ceil((terms.task_s + terms.overhead_s) / 600)
    best = optimum(terms, 600, bytes([1]) * 430, "strict", with_plan=True)
    assert best.plan.count(SPOT) == ticks
    assert best.plan.count(ON_DEMAND) == 0
    assert best.cost_usd == pytest.approx(ticks * 0.9731 / 6, abs=1e-9)


def test_a_task_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit before the deadline"):
        optimum(Terms(3600, 36000, 60), 600, bytes([1]) * 100, "strict")


def one_run(index: int, run_: int) -> Window:
    """A window of the train split with one of its runs alone."""
    window = own_window(Split.TRAIN, index, 0)
    return Window("world", window.zone, 0, window.tick_s, window.available, (window.runs[run_],))
