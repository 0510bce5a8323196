"""Where a contest stands: figures per problem and arm, ranks over all, as tables, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evolve.contest.plan import Contest
from evolve.contest.ranking import Ranking, Versus, rank, versus
from evolve.contest.result import POINTS, Result
from evolve.evaluator import WORST_SCORE
from evolve.intervals import Interval, mean_interval

FLOOR = "sampling"
"""The arm that the others are compared with, where it is there; else the first one."""


@dataclass(frozen=True)
class Figures:
    """An arm on a problem, over seeds.

    Attributes:
        test, area: means with their 95 % intervals over seeds (bootstrap, as all intervals of evolve).
        train: mean of the winners.
        middle, low, high: POINTS + 1 values each: the curves' mean, and their quartiles.
    """

    problem: str
    arm: str
    runs: int
    test: Interval
    train: float
    area: Interval
    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Standings:
    """Everything that a contest says so far. A run without a test score counts as the worst score there is.

    by_test, by_area: arms ranked over the blocks that all of them have run; None while there is none.
    against: arm -> how it does against `floor` on test.
    """

    figures: tuple[Figures, ...]
    by_test: Ranking | None
    by_area: Ranking | None
    floor: str
    against: dict[str, Versus]

    @classmethod
    def of(cls, contest: Contest, results: Sequence[Result]) -> Standings:
        """Put results together."""
        arms = [arm.label for arm in contest.arms]
        figures = []
        for problem in contest.problems:
            for arm in arms:
                own = [r for r in results if r.problem == problem and r.arm == arm]
                if own:
                    figures.append(_figures(problem, arm, own))
        tests = _blocks(arms, results, lambda one: on_test(one))
        areas = _blocks(arms, results, lambda one: one.area)
        floor = FLOOR if FLOOR in arms else arms[0]
        against = {arm: versus(tests, arm, floor) for arm in arms if arm != floor} if tests else {}
        return cls(tuple(figures), rank(tests) if tests else None, rank(areas) if areas else None, floor, against)


def on_test(result: Result) -> float:
    """Return a run's test score; the worst there is where its winner has none."""
    return WORST_SCORE if result.test is None else result.test


def _figures(problem: str, arm: str, own: Sequence[Result]) -> Figures:
    curves = np.array([one.curve for one in own])
    low, high = np.quantile(curves, [0.25, 0.75], axis=0)
    return Figures(
        problem,
        arm,
        len(own),
        mean_interval([on_test(one) for one in own]),
        sum(WORST_SCORE if one.train is None else one.train for one in own) / len(own),
        mean_interval([one.area for one in own]),
        tuple(curves.mean(axis=0).tolist()),
        tuple(low.tolist()),
        tuple(high.tolist()),
    )


def _blocks(arms: list[str], results: Sequence[Result], of: Any) -> dict[tuple[str, int], dict[str, float]]:
    found: dict[tuple[str, int], dict[str, float]] = {}
    for one in results:
        found.setdefault((one.problem, one.seed), {})[one.arm] = of(one)
    return {key: {arm: one[arm] for arm in arms} for key, one in found.items() if len(one) == len(arms)}


COLUMNS = (
    *("problem", "arm", "seed", "evaluations", "calls", "cost_usd", "area", "train", "validation", "test"),
    *("seed_test", "winner", "outrun", "cpu_s", "folder"),
)


def to_csv(results: Sequence[Result]) -> str:
    """Return the runs as CSV, one line each, the curve's points in the last columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"best_at_{point}" for point in range(POINTS + 1))])
    for one in results:
        facts = vars(one)
        writer.writerow([*(facts[name] for name in COLUMNS), *(f"{y:.4f}" for y in one.curve)])
    return text.getvalue()


def document(contest: Contest, results: Sequence[Result], standings: Standings) -> dict[str, Any]:
    """Return the facts of a contest, for --json."""
    return {
        "out": contest.out.resolve(),
        "problems": list(contest.problems),
        "arms": {arm.label: arm.sets for arm in contest.arms},
        "seeds": contest.seeds,
        "budget": {contest.unit: contest.budget},
        "runs": [{name: getattr(one, name) for name in COLUMNS} for one in results],
        "figures": [
            {"problem": f.problem, "arm": f.arm, "runs": f.runs, "test": f.test, "train": f.train, "area": f.area}
            for f in standings.figures
        ],
        "ranks_on_test": standings.by_test,
        "ranks_by_area": standings.by_area,
        "compared_with": standings.floor,
        "against_it_on_test": standings.against,
    }
