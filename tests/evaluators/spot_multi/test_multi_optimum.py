"""The offline optimum: equal to trying everything, reached by its own plan, beaten by nobody."""

from __future__ import annotations

import dataclasses
import functools
import math
import random
from pathlib import Path
from typing import Any

import pytest
from in_process import InProcess
from multi_worlds import follow, run, small_worlds, world
from transcription import cheapest_by_trying_all

import evaluators.spot_multi
from evaluators.spot_multi import SpotMulti
from evaluators.spot_multi.optimum import optimum
from evaluators.spot_multi.window import Window
from evaluators.spot_multi.workload import own_window
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Observation, Rules, Terms
from evolve.evaluator import Split

RULES: tuple[Rules, ...] = ("strict", "public")
BASELINES = sorted((Path(evaluators.spot_multi.__file__).parent / "baselines").glob("*.py"))


@functools.cache
def worlds() -> list[Window]:
    return [*small_worlds(150, seed=7, most_ticks=5), *small_worlds(50, seed=11, most_ticks=7)]


@pytest.mark.parametrize("rules", RULES)
def test_the_optimum_is_what_trying_all_answers_finds_on_200_short_windows(rules: Rules) -> None:
    for window in worlds():
        best = optimum(window, rules)
        assert best.cost_usd == pytest.approx(cheapest_by_trying_all(window, rules), abs=1e-9), window


def test_the_short_windows_use_what_only_one_set_of_rules_has() -> None:
    plans = {rules: [optimum(w, rules, with_plan=True) for w in worlds()] for rules in RULES}
    assert any(s.cost_usd > p.cost_usd + 1e-9 for s, p in zip(plans["strict"], plans["public"], strict=True))
    for rules in RULES:
        moving = [{region for action, region in plan.plan if action == SPOT} for plan in plans[rules]]
        assert sum(len(regions) > 1 for regions in moving) > 10


@pytest.mark.parametrize("rules", RULES)
def test_the_plan_costs_in_the_ledger_what_the_optimum_says(rules: Rules) -> None:
    shortened = [shortened_window(index) for index in range(3)]
    for window in [*worlds()[::3], *shortened]:
        best = optimum(window, rules, with_plan=True)
        bill = follow(window, rules, best.plan)
        assert bill is not None
        assert bill.cost_usd == pytest.approx(best.cost_usd, abs=1e-9)


def shortened_window(index: int) -> Window:
    """A window of the train split with a few hours of its work: the plan keeps all values in memory."""
    window = own_window(Split.TRAIN, index, 0)
    task_s = 6 * 3600
    return dataclasses.replace(window, terms=Terms(task_s + 3 * 3600, task_s, window.terms.overhead_s))


@pytest.mark.parametrize("rules", RULES)
def test_no_policy_beats_the_optimum(rules: Rules) -> None:
    rng = random.Random(11)
    for index in range(3):
        window = own_window(Split.TRAIN, index, 0)
        best = optimum(window, rules).cost_usd
        costs = []
        for _ in range(12):
            pace, stay, margin = rng.uniform(0, 1.2), rng.uniform(0, 4), rng.choice([0.0, 0.1, 0.5, 5.0])
            waste = rng.choice([0.0, 0.01])
            prices = list(window.prices())

            def decide(  # type: ignore[no-untyped-def]
                obs: Observation, there, pace=pace, stay=stay, margin=margin, waste=waste, prices=prices
            ) -> Any:
                if rng.random() < waste:
                    return rng.choice([NONE, SPOT, ON_DEMAND]), rng.randrange(len(there))
                ahead_s = obs.done_s - pace * obs.elapsed_s * obs.task_s / obs.deadline_s
                usd = [p if a else math.inf for p, a in zip(prices[obs.tick], there, strict=True)]
                if obs.running == SPOT:
                    usd[obs.region] -= margin
                region = min(range(len(usd)), key=lambda r: usd[r])
                if obs.running == ON_DEMAND and (not any(there) or ahead_s < stay * obs.overhead_s):
                    return ON_DEMAND, obs.region
                if any(there):
                    return SPOT, region
                return (ON_DEMAND if ahead_s < 0 else NONE), obs.region

            costs.append(run(window, rules, decide).cost_usd)
        assert min(costs) >= best - 1e-9
        assert min(costs) < 1.4 * best, "policies far from the optimum would prove nothing"


@pytest.mark.parametrize("program", BASELINES, ids=lambda path: path.stem)
def test_no_baseline_scores_above_100(program: Path) -> None:
    evaluator, source = SpotMulti(), program.read_text(encoding="utf-8")
    windows = [*evaluator.instances(Split.TRAIN)[:6], *evaluator.instances(Split.PUBLIC)[::6]]
    for window in windows:
        outcome = evaluator.evaluate(InProcess(source), window)  # type: ignore[arg-type]
        assert outcome.metrics["cost_usd"] >= outcome.metrics["optimum_cost_usd"] - 1e-9
        assert outcome.score is None or outcome.score <= 100 + 1e-9


def test_spot_all_the_time_costs_ticks_of_the_cheaper_region_and_no_second_start() -> None:
    terms = Terms(30 * 3600, 20 * 3600, 360)
    ticks = math.ceil((terms.task_s + terms.overhead_s) / 600)
    window = world(terms, 600, ([1], [1]), (((0, 1.5),), ((0, 1.2),)))
    best = optimum(window, "strict", with_plan=True)
    assert best.plan[:-1].count((SPOT, 1)) == ticks
    assert best.cost_usd == pytest.approx(ticks * 1.2 / 6, abs=1e-9)


def test_a_move_is_worth_its_overhead_only_when_enough_work_is_left() -> None:
    """Spot gets 1 USD/h dearer in zone 0 in tick 6, dearer than zone 1; the move loses one tick."""
    prices = (((0, 1.0), (6, 2.0)), ((0, 1.5),))
    for ticks_of_work, starts, usd_ticks in ((7, 1, 6 * 1.0 + 2 * 2.0), (10, 2, 6 * 1.0 + 6 * 1.5)):
        window = world(Terms(36000, ticks_of_work * 600, 600), 600, ([1], [1]), prices)
        best = optimum(window, "strict", with_plan=True)
        assert best.cost_usd == pytest.approx(usd_ticks / 6)
        bill = follow(window, "strict", best.plan)
        assert bill is not None
        assert bill.starts == starts


def test_a_public_run_pays_the_price_of_where_it_ends_and_the_optimum_knows_it() -> None:
    """Zone 1 is cheaper but has spot in the first ticks only: to end there takes a last tick on demand."""
    prices = (((0, 1.6),), ((0, 0.9),))
    short, long = (world(Terms((ticks + 20) * 600, ticks * 600, 0), 600, ([1], [1, 0]), prices) for ticks in (3, 12))
    assert optimum(short, "public").cost_usd == pytest.approx(3 * 1.6 / 6)
    assert optimum(long, "public").cost_usd == pytest.approx((11 * 0.9 + 3.06) / 6)


def test_a_task_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit before the deadline"):
        optimum(world(Terms(3600, 36000, 60), 600, ([1],)), "strict")
