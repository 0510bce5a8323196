"""MAP-Elites over what programs are good at: one elite for each region of per-instance scores.

Mouret & Clune 2015 (arXiv 1504.04909), with centroids instead of a grid (CVT-MAP-Elites, Vassiliades et al. 2018). The
behaviour of a program is its profile: its scores on the train instances less their mean, so that programs of one
quality that are good at different instances are kept apart. The centroids are profiles of the first programs, chosen
so that each is far from those before it; until there are enough of them, every program is a cell of its own.
"""

from __future__ import annotations

import random
from typing import ClassVar

from pydantic import Field

from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Trial

__all__ = ["MapElites"]

_Profile = tuple[float, ...]


class MapElitesOptions(StrategyOptions):
    """Of the strategy 'map_elites'."""

    cells: int = Field(default=16, ge=1, le=1_000, description="regions of behaviour, one elite each")
    warm_up: int = Field(default=32, ge=1, description="programs with a score after which the regions are laid out")
    inspirations: int = Field(default=2, ge=0, description="elites of other cells that a mutation may look at")
    greedy: float = Field(default=0.5, ge=0, le=1, description="share of steps whose parent is the better of two draws")


class MapElites(Strategy):
    """Every cell keeps its best program; parents are drawn from all cells alike."""

    name: ClassVar[str] = "map_elites"
    Options = MapElitesOptions

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._first: list[tuple[_Profile, float, int]] | None = []
        self._centroids: list[_Profile] = []
        self._elites: dict[int, tuple[float, int]] = {}

    def tell(self, trial: Trial) -> None:
        """Put a program with a score into its cell when it is better than who is there."""
        if trial.score is None:
            return
        scores = [trial.score if score is None else score for score in trial.scores] or [trial.score]
        profile = tuple(score - trial.score for score in scores)
        if self._first is None:
            self._settle(self._cell(profile), trial.score, trial.id)
            return
        self._settle(len(self._first), trial.score, trial.id)
        self._first.append((profile, trial.score, trial.id))
        if len(self._first) >= self.options.warm_up:
            self._lay_out(self._first)

    def ask(self, rng: random.Random) -> Choice:
        """Draw a cell and take its elite; often the better of two."""
        cells = sorted(self._elites)
        drawn = [rng.choice(cells)]
        if rng.random() < self.options.greedy:
            drawn.append(rng.choice(cells))
        cell = max(drawn, key=lambda one: self._elites[one])
        score, parent = self._elites[cell]
        others = [self._elites[one][1] for one in cells if self._elites[one][1] != parent]
        shown = rng.sample(others, min(len(others), self.options.inspirations))
        reason = f"elite of cell {cell} ({len(cells)} are filled), {score:.2f} on train"
        return Choice(parent, tuple(shown), str(cell), reason)

    def _settle(self, cell: int, score: float, id: int) -> None:
        there = self._elites.get(cell)
        if there is None or score > there[0]:
            self._elites[cell] = (score, id)

    def _cell(self, profile: _Profile) -> int:
        return min(range(len(self._centroids)), key=lambda cell: (_apart(self._centroids[cell], profile), cell))

    def _lay_out(self, first: list[tuple[_Profile, float, int]]) -> None:
        """Choose centroids among the first profiles, the best program's first, each farthest from those before."""
        self._centroids = [max(first, key=lambda one: (one[1], -one[2]))[0]]
        while len(self._centroids) < self.options.cells:
            gaps = [min(_apart(centroid, one[0]) for centroid in self._centroids) for one in first]
            farthest = max(range(len(first)), key=lambda place: (gaps[place], -place))
            if gaps[farthest] == 0:
                break
            self._centroids.append(first[farthest][0])
        self._first, self._elites = None, {}
        for profile, score, id in first:
            self._settle(self._cell(profile), score, id)


def _apart(one: _Profile, other: _Profile) -> float:
    """Return the squared distance of two profiles; what one of them lacks counts as 0."""
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=False))
