"""The published benchmark: its 34 runs, its figures; our own splits, and the seed that plays them like greedy."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from in_process import InProcess

import evaluators.spot_multi
import seeds
from evaluators.spot_multi import SpotMulti
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.published import adrs_score
from evolve.evaluator import Outcome, Split

BASELINES = Path(evaluators.spot_multi.__file__).parent / "baselines"
SEED = Path(str(seeds.__file__)).parent / "spot_multi.py"

PUBLISHED_SCENARIO_MEANS_USD = {
    "2_zones_same_region": 135.765233229,
    "2_regions_east_west": 62.572580417,
    "3_regions_diverse": 67.153016667,
    "3_zones_same_region": 127.230231736,
    "5_regions_high_diversity": 52.410370729,
    "all_9_regions": 47.990109375,
}


EVERY = {Split.TRAIN: 3, Split.VALIDATION: 3, Split.TEST: 3, Split.PUBLIC: 1}
"""Of our own splits some windows do, to save time; odd numbers take real and synthetic ones in turn."""


@functools.cache
def played(program: Path, split: Split) -> tuple[Outcome, ...]:
    evaluator, source = SpotMulti(), program.read_text(encoding="utf-8")
    windows = evaluator.instances(split)[:: EVERY[split]]
    return tuple(evaluator.evaluate(InProcess(source), window) for window in windows)  # type: ignore[arg-type]


def summary(name: str) -> dict[str, float]:
    return SpotMulti().summarise(Split.PUBLIC, played(BASELINES / f"{name}.py", Split.PUBLIC))


def score(program: Path, split: Split) -> float:
    scores = [o.score for o in played(program, split) if o.score is not None]
    return sum(scores) / len(scores)


def test_the_public_set_is_34_runs_of_six_scenarios() -> None:
    windows = [w for w in SpotMulti().instances(Split.PUBLIC) if isinstance(w, Window)]
    assert len({w.id for w in windows}) == len(windows) == 34
    assert {w.scenario for w in windows} == set(PUBLISHED_SCENARIO_MEANS_USD)
    assert {(w.ticks, w.tick_s) for w in windows} == {(1107, 195)}
    assert {len(w.zones) for w in windows} == {2, 3, 5, 9}
    assert {(t.deadline_s, t.task_s, t.overhead_s) for t in (w.terms for w in windows)} == {(187200, 172800, 720)}


def test_the_published_baseline_costs_to_1e_9_what_was_published() -> None:
    figures = summary("greedy_moves_on")
    assert figures["total_cost_usd"] == pytest.approx(82.1869236921, abs=1e-9)
    assert round(figures["adrs_score"], 2) == 64.58
    for scenario, usd in PUBLISHED_SCENARIO_MEANS_USD.items():
        assert figures[f"scenario_{scenario}_cost_usd"] == pytest.approx(usd, abs=5.1e-10)


def test_published_order_of_the_heuristics_holds() -> None:
    assert summary("uniform_progress_moves")["adrs_score"] > 64.59 > summary("greedy")["adrs_score"] > 10
    assert summary("all_on_demand")["adrs_score"] == 0


@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION, Split.TEST])
def test_the_order_of_the_heuristics_holds_on_our_windows(split: Split) -> None:
    progress, moving, greedy, on_demand = (
        score(BASELINES / f"{name}.py", split)
        for name in ("uniform_progress_moves", "greedy_moves_on", "greedy", "all_on_demand")
    )
    assert 100 > progress > moving > 20
    assert greedy == pytest.approx(0, abs=1e-9)
    assert on_demand < -20


@pytest.mark.parametrize("split", list(Split))
def test_the_seed_pays_in_every_window_exactly_what_greedy_pays(split: Split) -> None:
    seed, greedy = played(SEED, split), played(BASELINES / "greedy.py", split)
    assert [o.metrics for o in seed] == [o.metrics for o in greedy]


def test_windows_that_tell_nothing_have_no_score_but_count_in_the_published_figure() -> None:
    for outcome in played(BASELINES / "greedy.py", Split.PUBLIC):
        gap = 1 - outcome.metrics["optimum_cost_usd"] / outcome.metrics["naive_cost_usd"]
        assert (outcome.score is None) == (gap < 0.01)


def test_the_published_scale_is_clipped_at_both_ends() -> None:
    assert (adrs_score(200.0), adrs_score(0.0)) == (0, 100)
    assert adrs_score(82.1869236921) == pytest.approx(64.5825, abs=1e-4)


def test_no_strict_run_ends_late() -> None:
    for name in ("greedy", "greedy_moves_on", "uniform_progress_moves", "all_on_demand"):
        for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
            assert all(o.metrics["late_runs"] == 0 for o in played(BASELINES / f"{name}.py", split))


def test_metrics_carry_their_units_and_own_splits_have_no_scenarios() -> None:
    outcome = played(BASELINES / "greedy.py", Split.TRAIN)[0]
    assert set(outcome.metrics) == {
        "cost_usd",
        "naive_cost_usd",
        "optimum_cost_usd",
        "task_h",
        "spot_h",
        "on_demand_h",
        "waiting_h",
        "restarts",
        "moves",
        "free_moves",
        "late_runs",
    }
