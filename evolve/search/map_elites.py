"""MAP-Elites over what programs are like: one elite for each region of behaviour.

Mouret & Clune 2015 (arXiv 1504.04909), with centroids instead of a grid (CVT-MAP-Elites, Vassiliades et al. 2018). The
behaviour of a program is its profile, after LEVI (2026): its scores on the train instances less their mean, so that
programs of one quality that are good at different instances are kept apart; or the features of `search.features`, each
by the share of recent programs that have less of it (a quantile, so no scale matters, and an outlier moves nothing).

The centroids are those of k-means over recent programs, begun at programs that are far from each other. They are laid
out after `warm_up` programs, and again each time that there are twice as many: quantiles move as programs get better.
Until the first time every program is a cell of its own.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

import numpy as np
from pydantic import Field

from evolve.errors import pick
from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Trial

__all__ = ["MapElites"]

SOURCE_FEATURES = ("chars", "tokens", "cpu_s", "likeness")
KEPT = 4
"""Recent programs that are remembered for the next layout, in warm-ups."""
ROUNDS = 8
"""Of k-means: for a few dozen programs enough."""

_Scored: TypeAlias = tuple[float, Trial]
"""A program with its score."""


class MapElitesOptions(StrategyOptions):
    """Of the strategy 'map_elites'."""

    cells: int = Field(default=16, ge=1, le=1_000, description="regions of behaviour, one elite each")
    features: str = Field(
        default="",
        description="what tells programs apart, e.g. 'tokens,cost_usd': metrics of the problem, chars, tokens, cpu_s, "
        "likeness; none: their scores per instance",
    )
    warm_up: int = Field(default=32, ge=1, description="programs with a score after which the regions are laid out")
    inspirations: int = Field(default=2, ge=0, description="elites of other cells that a mutation may look at")
    greedy: float = Field(default=0.5, ge=0, le=1, description="share of steps whose parent is the better of two draws")


class MapElites(Strategy):
    """Every cell keeps its best program; parents are drawn from all cells alike."""

    name: ClassVar[str] = "map_elites"
    Options = MapElitesOptions

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._features = [name.strip() for name in self.options.features.split(",") if name.strip()]
        self._recent: deque[_Scored] = deque(maxlen=KEPT * self.options.warm_up)
        self._told, self._next = 0, self.options.warm_up
        self._centroids = np.empty((0, 0))  # (cells, dimensions); none until they are laid out
        self._marks: np.ndarray | None = None  # (recent, dimensions), with features
        self._elites: dict[int, _Scored] = {}
        self._least = -math.inf  # score of any elite, once every cell has one

    def tell(self, trial: Trial) -> None:
        """Put a program with a score into its cell when it is better than who is there.

        Raises UsageError for a feature that the seed does not have.
        """
        if trial.score is None:
            return
        if trial.parent is None:
            for name in self._features:
                pick("search.features", name, _figures(trial))
        known = (trial.score, trial)
        self._recent.append(known)
        if not len(self._centroids):
            self._elites[self._told] = known
        elif trial.score > self._least:  # as hardly any is in a long run
            points = self._points([known], self._centroids.shape[1])
            self._settle(int(_nearest(self._centroids, self._placed(points))[0]), known)
        self._told += 1
        if self._told >= self._next:
            self._next *= 2
            self._lay_out()

    def ask(self, rng: random.Random) -> Choice:
        """Draw a cell and take its elite; often the better of two."""
        cells = sorted(self._elites)
        drawn = [rng.choice(cells)]
        if rng.random() < self.options.greedy:
            drawn.append(rng.choice(cells))
        cell = max(drawn, key=lambda one: self._elites[one][0])
        score, parent = self._elites[cell]
        others = [self._elites[one][1].id for one in cells if self._elites[one][1].id != parent.id]
        shown = rng.sample(others, min(len(others), self.options.inspirations))
        reason = f"elite of cell {cell} ({len(cells)} are filled), {score:.2f} on train"
        return Choice(parent.id, tuple(shown), str(cell), reason)

    def _behaviour(self, score: float, trial: Trial) -> list[float]:
        if self._features:
            figures = _figures(trial)
            return [figures.get(name, 0.0) for name in self._features]
        return [0.0 if one is None else one - score for one in trial.scores] or [0.0]

    def _points(self, known: Sequence[_Scored], width: int = 0) -> np.ndarray:
        """Return the behaviours of programs. width: dimensions; 0: of whoever has most. Returns (n, dimensions)."""
        rows = [self._behaviour(score, trial) for score, trial in known]
        points = np.zeros((len(rows), width or max(map(len, rows))))
        for point, row in zip(points, rows, strict=True):
            point[: len(row)] = row[: len(point)]
        return points

    def _settle(self, cell: int, known: _Scored) -> None:
        """Put a program into a cell, if it is better than who is there."""
        if cell not in self._elites or known[0] > self._elites[cell][0]:
            self._elites[cell] = known
            if len(self._elites) == len(self._centroids):
                self._least = min(score for score, _ in self._elites.values())

    def _placed(self, points: np.ndarray) -> np.ndarray:
        """Return where points lie. points: (n, dimensions), as they are. With features: the share that is below."""
        return points if self._marks is None else (self._marks < points[:, None]).mean(axis=1)

    def _lay_out(self) -> None:
        """Choose the centroids anew, and give each elite and recent program its cell: the best of a cell stays.

        They begin at the best program, and at whoever is farthest from all before it.
        """
        known = [*{one[1].id: one for one in [*self._elites.values(), *self._recent]}.values()]
        points = self._points(known)
        if self._features:
            self._marks = points
        points = self._placed(points)
        chosen = [max(range(len(known)), key=lambda place: (known[place][0], -known[place][1].id))]
        gaps = np.full(len(points), math.inf)
        while len(chosen) < self.options.cells:
            gaps = np.minimum(gaps, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
            if gaps.max() == 0:
                break
            chosen.append(int(gaps.argmax()))
        centroids = points[chosen]
        for _ in range(ROUNDS):
            nearest = _nearest(centroids, points)
            centroids = np.array(
                [points[nearest == cell].mean(axis=0) if (nearest == cell).any() else centroid
                 for cell, centroid in enumerate(centroids)]
            )  # fmt: skip
        self._centroids, self._elites, self._least = centroids, {}, -math.inf
        for cell, one in zip(_nearest(centroids, points), known, strict=True):
            self._settle(int(cell), one)


def _figures(trial: Trial) -> dict[str, float]:
    """Return what a feature may be."""
    source = (trial.chars, trial.tokens, trial.cpu_s, trial.likeness or 0.0)
    return dict(zip(SOURCE_FEATURES, map(float, source), strict=True)) | dict(trial.metrics)


def _nearest(centroids: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return which centroid each point is nearest to. centroids: (cells, dimensions); points: (n, dimensions).

    Returns (n,) indices. |p - c|^2 = |p|^2 - 2 p.c + |c|^2, and the first term is the same for all centroids.
    """
    nearest: np.ndarray = ((centroids**2).sum(axis=1) - 2 * points @ centroids.T).argmin(axis=1)
    return nearest
