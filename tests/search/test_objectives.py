"""Several objectives: the front, what it covers, who becomes a parent, and where a reader sees it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem

from evolve import loop
from evolve.archive import Store
from evolve.config import RunConfig, from_text, resolve
from evolve.errors import UsageError
from evolve.evaluator import Objective
from evolve.loop.choosing import Chooser
from evolve.mutate.mutation import Kind
from evolve.objectives import dominates, hypervolume, non_dominated, oriented
from evolve.report.costs import costs
from evolve.report.front import front_of
from evolve.report.run_report import describe
from evolve.report.summary import render_summary
from evolve.scoring import Status
from evolve.search import Front, make_strategy
from evolve.trial import Selection, Trial

BOTH = (Objective("score", "max"), Objective("cost_usd", "min", "USD"))


def judged(id: int, score: float, cost_usd: float) -> Trial:
    point = oriented(BOTH, {"cost_usd": cost_usd}, score)
    return Trial(id, None if id == 0 else 0, status=Status.OK, score=score, scores=(score,), objectives=point)


def test_a_point_is_turned_so_that_more_is_better_and_empty_where_a_figure_is_missing() -> None:
    assert oriented(BOTH, {"cost_usd": 3.0}, 7.0) == (7.0, -3.0)
    assert oriented(BOTH, {}, 7.0) == oriented(BOTH, {"cost_usd": 3.0}, None) == ()


def test_the_front_is_who_nobody_dominates() -> None:
    rng = random.Random(1)
    points = {id: (float(rng.randrange(8)), float(rng.randrange(8)), float(rng.randrange(8))) for id in range(60)}
    kept = non_dominated(points)
    for id, point in points.items():
        beaten = any(dominates(points[other], point) for other in points)
        twin = any(points[other] == point for other in kept if other != id)
        assert (id in kept) == (not beaten and not twin)


@pytest.mark.parametrize("axes", [1, 2, 3, 4])
def test_the_hypervolume_is_the_number_of_cells_below_points_on_a_grid(axes: int) -> None:
    rng = random.Random(axes)
    points = [tuple(float(rng.randint(-1, 4)) for _ in range(axes)) for _ in range(9)]
    cells = [()]
    for _ in range(axes):
        cells = [(*cell, step) for cell in cells for step in range(4)]  # type: ignore[misc]
    below = sum(any(all(c < p for c, p in zip(cell, point, strict=True)) for point in points) for cell in cells)
    assert hypervolume(points, (0.0,) * axes) == below


def test_a_full_front_drops_who_stands_closest_and_keeps_its_ends() -> None:
    front = Front(4)
    for id, x in enumerate((0.0, 10.0, 5.0, 5.5, 2.5)):
        front.add(id, (x, -x))
    assert (len(front) == 4 and set(front.far_from(0, 9)) == {1, 4, 2}) or set(front.far_from(0, 9)) == {1, 4, 3}
    assert {front.draw(random.Random(n)) for n in range(60)} >= {0, 1}
    front.add(9, (11.0, 11.0))
    assert len(front) == 1


def test_the_ends_of_a_front_are_drawn_the_less_the_lower_their_score() -> None:
    front = Front(8)
    for id, (x, score) in enumerate(((0.0, 10.0), (4.0, 90.0), (5.0, 95.0), (9.0, 20.0))):
        front.add(id, (x, -x), score)
    drawn = Counter(front.draw(random.Random(n)) for n in range(1_000))
    assert drawn.keys() == {0, 1, 2, 3} and drawn[0] < 200 < drawn[2], drawn


def test_pareto_asks_who_is_not_beaten_in_all_objectives_and_merges_the_far_ends_once() -> None:
    strategy = make_strategy("pareto", {"merge": 1.0})
    for trial in (judged(0, 1.0, 9.0), judged(1, 90.0, 8.0), judged(2, 2.0, 0.1), judged(3, 80.0, 8.5)):
        strategy.tell(trial)
    choice = strategy.ask(random.Random(0))
    assert choice.kind is Kind.CROSSOVER and {choice.parent, *choice.inspirations} == {1, 2}
    strategy.begun(Selection(4, choice.parent, choice.inspirations, choice.place, "", "m"))
    later = [strategy.ask(random.Random(n)) for n in range(30)]
    assert {one.parent for one in later} == {1, 2} and not any(one.kind for one in later)


def test_an_objective_that_the_seed_does_not_have_is_named() -> None:
    sets = ['objectives=[{metric="cost", direction="min"}]']
    chooser = Chooser(resolve(None, sets, {}))
    with pytest.raises(UsageError, match=r"are cost; the seed has these metrics on train: score, distance\."):
        chooser.tell(Trial(0, None, status=Status.OK, score=0.0, metrics={"distance": 3.0}))


def config(evaluations: int) -> RunConfig:
    both = ({"metric": "distance", "direction": "min", "unit": "steps"}, {"metric": "score", "direction": "max"})
    flags = {"search__strategy": "pareto", "deterministic": True, "search__lag": 3, "objectives": both}
    return configured(evaluations, seed=5, **flags)


def test_a_run_with_objectives_is_resumed_and_its_report_shows_the_front(tmp_path: Path) -> None:
    def run(folder: Path, evaluations: int, resume: bool = False) -> None:
        clients, pool = {"m": HashModel()}, QuickPool(evaluations)
        asyncio.run(loop.run(folder, config(evaluations), trivial_problem(), resume=resume, pool=pool, clients=clients))

    run(tmp_path / "whole", 20)
    run(tmp_path / "parts", 8)
    run(tmp_path / "parts", 20, resume=True)
    assert archive_digest(tmp_path / "parts") == archive_digest(tmp_path / "whole")
    with Store.open(tmp_path / "whole") as store:
        front = front_of(store, from_text(store.config()).objectives)
        assert front is not None and front.covered == pytest.approx(1.0), "distance and score are one objective here"
        (id, score, (distance, same)), *others = front.rows
        assert not others and same == score and distance == pytest.approx(41 * (1 - score / 100))
        assert f"| {id} | {score:.2f} | {distance:.5g} |" in render_summary(
            describe(store), costs(store, store.improvements())
        )
