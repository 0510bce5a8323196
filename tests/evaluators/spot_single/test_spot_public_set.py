"""The published benchmark: its 1,080 runs, its figures, and the seed that plays them like the greedy rule."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from in_process import InProcess

import evaluators.spot_single
import seeds
from evaluators.spot_single import SpotSingle
from evaluators.spot_traces.published import adrs_score
from evolve.evaluator import Outcome, Split

BASELINES = Path(evaluators.spot_single.__file__).parent / "baselines"
SEED = Path(str(seeds.__file__)).parent / "spot_single.py"


OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


@functools.cache
def played(program: Path, split: Split = Split.PUBLIC) -> tuple[Outcome, ...]:
    evaluator, source = SpotSingle(), program.read_text(encoding="utf-8")
    return tuple(evaluator.evaluate(InProcess(source), i) for i in evaluator.instances(split))  # type: ignore[arg-type]


def summary(name: str) -> dict[str, float]:
    return SpotSingle().summarise(Split.PUBLIC, played(BASELINES / f"{name}.py"))


def score(program: Path, split: Split) -> float:
    scores = [o.score for o in played(program, split) if o.score is not None]
    return sum(scores) / len(scores)


def test_the_public_set_is_180_windows_of_six_runs() -> None:
    windows = SpotSingle().instances(Split.PUBLIC)
    assert len(windows) == 180
    assert len({w.id for w in windows}) == 180
    assert sum(len(w.runs) for w in windows) == 1080  # type: ignore[attr-defined]
    assert {len(w.available) for w in windows} == {554}  # type: ignore[attr-defined]


def test_greedy_costs_to_1e_9_what_was_published() -> None:
    figures = summary("greedy")
    assert figures["mean_cost_usd"] == pytest.approx(119.0345387654, abs=1e-9)
    assert figures["adrs_score"] == pytest.approx(27.80, abs=0.005)


@pytest.mark.slow
def test_published_order_of_the_heuristics_holds() -> None:
    assert summary("uniform_progress")["adrs_score"] > 40 > summary("greedy")["adrs_score"] > 20
    assert summary("all_on_demand")["adrs_score"] == 0


@pytest.mark.parametrize("split", OWN)
def test_uniform_progress_beats_greedy_and_greedy_beats_on_demand_on_our_windows(split: Split) -> None:
    assert score(BASELINES / "uniform_progress.py", split) > 20
    assert score(BASELINES / "greedy.py", split) == pytest.approx(0, abs=1e-9)
    assert score(BASELINES / "all_on_demand.py", split) < -20


@pytest.mark.parametrize("split", [*OWN, pytest.param(Split.PUBLIC, marks=pytest.mark.slow)])
def test_the_seed_pays_in_every_window_exactly_what_greedy_pays(split: Split) -> None:
    seed, greedy = played(SEED, split), played(BASELINES / "greedy.py", split)
    assert [o.metrics for o in seed] == [o.metrics for o in greedy]


def test_windows_that_tell_nothing_have_no_score_but_count_in_the_published_figure() -> None:
    outcomes = played(BASELINES / "greedy.py")
    unscored = [o for o in outcomes if o.score is None]
    assert 0 < len(unscored) < 18
    for outcome in unscored:
        assert outcome.metrics["naive_cost_usd"] - outcome.metrics["optimum_cost_usd"] < 0.01 * 150


def test_the_published_scale_is_clipped_at_both_ends() -> None:
    assert (adrs_score(200.0), adrs_score(0.0)) == (0, 100)
    assert adrs_score(119.0345387654) == pytest.approx(27.7979, abs=1e-4)


def test_metrics_carry_their_units_and_feedback_names_what_went_wrong_and_when() -> None:
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
        "late_runs",
    }
    for word in ("offline optimum", "waited", "on demand", "from hour"):
        assert word in outcome.feedback
