"""Islands: populations that evolve apart and now and then send their best on a journey.

After Tanese 1989 (distributed genetic algorithms) with a ring topology; parents by linear rank, Baker 1985. A run
begins on one island, and another one is founded, by every second elite of the first, when there are results enough for
it: a few dozen calls on four islands would change the seed again and again.
"""

from __future__ import annotations

import random
from bisect import insort
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import Field

from evolve.scoring import Status
from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Trial

__all__ = ["Islands"]

_Elite = tuple[float, int]
"""(-score, id): ascending order is best first, ties by the lower id."""


class IslandOptions(StrategyOptions):
    """Of the strategy 'islands'."""

    islands: int = Field(default=4, ge=1, le=10_000, description="populations that evolve apart, at most")
    found_after: int = Field(
        default=24, ge=0, description="results per island after which another one is founded; 0: all at the start"
    )
    elites: int = Field(default=12, ge=1, description="programs that an island keeps, the best by train score")
    migrate_every: int = Field(default=40, ge=1, description="results between two migrations, all islands together")
    migrants: int = Field(default=1, ge=0, description="elites that each island hands to the next one at a migration")
    inspirations: int = Field(
        default=2, ge=0, description="other programs that a mutation may look at, besides the parent"
    )
    explore: float = Field(
        default=0.15, ge=0, le=1, description="share of steps with any elite as parent, whatever its rank"
    )


BETTER_THAN_SEED = 2
"""Elites with more points than the seed for which it is given up as a parent: it is no algorithm yet."""

FEW_DRAWS = 3
"""Draws for a parent's rank, instead of two, while there is one island: few calls are best spent on the best."""


@dataclass
class _Island:
    elites: list[_Elite] = field(default_factory=list)
    told: int = 0
    failed: int = 0

    def add(self, elite: _Elite, bound: int) -> None:
        if elite not in self.elites:
            insort(self.elites, elite)
            del self.elites[bound:]
        seed = next((known for known in self.elites if known[1] == 0), None)
        if seed is not None and sum(known[0] < seed[0] for known in self.elites) >= BETTER_THAN_SEED:
            self.elites.remove(seed)


class Islands(Strategy):
    """Every island keeps its best programs; the parent is one of them, better ones more often.

    A child's place is the number of its parent's island.
    """

    name: ClassVar[str] = "islands"
    Options = IslandOptions

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._islands = [_Island() for _ in range(1 if self.options.found_after else self.options.islands)]
        self._told = 0

    def tell(self, trial: Trial) -> None:
        """Place a result; the seed goes to every island."""
        if not trial.is_program:
            return
        # Of a run from before islands were founded one by one, a place may be of one that is not there yet.
        homes = self._islands if trial.parent is None else [self._islands[int(trial.place) % len(self._islands)]]
        for home in homes:
            home.told += 1
            if trial.score is not None:
                home.add((-trial.score, trial.id), self.options.elites)
            elif trial.status is not Status.OUTRUN:
                home.failed += 1
        self._told += 1
        if len(self._islands) < self.options.islands and self._told >= self.options.found_after * len(self._islands):
            elites = self._islands[0].elites
            self._islands.append(_Island(elites[1::2] or elites[:]))
        if self._told % self.options.migrate_every == 0:
            self._migrate()

    def ask(self, rng: random.Random) -> Choice:
        """Draw an island, a parent by rank, and inspirations: one elite of another island, the rest from its own.

        The bar is the worst elite of an island that has no free place.
        """
        index = rng.randrange(len(self._islands))
        elites = self._islands[index].elites
        exploring = rng.random() < self.options.explore
        few = self._told < self.options.found_after
        rank = rng.randrange(len(elites)) if exploring else _linear_rank(rng, len(elites), FEW_DRAWS if few else 2)
        parent = elites[rank][1]
        how = "explored: any elite" if exploring else "by rank"
        reason = f"rank {rank + 1} of {len(elites)} elites, {how}; the island failed {self._failures(index)}"
        bar = elites[-1][1] if len(elites) == self.options.elites else None
        return Choice(parent, self._inspire(rng, index, parent), str(index), reason, bar)

    def _inspire(self, rng: random.Random, index: int, parent: int) -> tuple[int, ...]:
        own = [id for _, id in self._islands[index].elites if id != parent]
        chosen: list[int] = []
        if len(self._islands) > 1 and self.options.inspirations > 0:
            other = (index + rng.randrange(1, len(self._islands))) % len(self._islands)
            visitor = self._islands[other].elites[_linear_rank(rng, len(self._islands[other].elites))][1]
            if visitor != parent:
                chosen.append(visitor)
        while len(chosen) < self.options.inspirations and own:
            candidate = own.pop(_linear_rank(rng, len(own)))
            if candidate not in chosen:
                chosen.append(candidate)
        return tuple(chosen)

    def _failures(self, index: int) -> str:
        island = self._islands[index]
        return f"{island.failed} of {island.told}"

    def _migrate(self) -> None:
        leaving = [island.elites[: self.options.migrants] for island in self._islands]
        for index, migrants in enumerate(leaving):
            for elite in migrants:
                self._islands[(index + 1) % len(self._islands)].add(elite, self.options.elites)


def _linear_rank(rng: random.Random, count: int, draws: int = 2) -> int:
    """Return 0..count-1, the lowest of some draws: of two, the first is `count` times as likely as the last."""
    return min(rng.randrange(count) for _ in range(draws))
