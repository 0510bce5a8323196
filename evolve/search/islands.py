"""Islands: populations that evolve apart and now and then exchange their best programs.

After Tanese 1989 (distributed genetic algorithms) with a ring topology. A run begins on one island, and another one is
founded, by every second elite of the first, when there are results enough for it: a few dozen calls on four islands
would change the seed again and again.

Parents are drawn by one of three rules; r is an elite's rank from 1, n how many there are, f its score, N how many
children it was asked for:

    rank       by linear rank, the first n times as often as the last (Baker 1985)
    power      weight r^-power (ShinkaEvolve, arXiv 2509.19349, section 3.1)
    offspring  weight sigma(10 (f - median f) / median |f - median f|) / (1 + N): good and seldom asked (ibid.)
"""

from __future__ import annotations

import math
import random
from collections import Counter
from statistics import median
from typing import ClassVar, Literal

from pydantic import Field

from evolve.scoring import Status
from evolve.search.elites import Elites, migrate
from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Selection, Trial

__all__ = ["Islands"]


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
    parents: Literal["rank", "power", "offspring"] = Field(
        default="rank", description="how elites become parents: by linear rank, by a power of it, or by few offspring"
    )
    power: float = Field(default=1.0, ge=0, description="with parents = power: the exponent of the rank")
    explore: float = Field(
        default=0.15, ge=0, le=1, description="share of steps with any elite as parent, whatever its rank"
    )


FEW_DRAWS = 3
"""Draws for a parent's rank, instead of two, while there is one island: few calls are best spent on the best."""


class Islands(Strategy):
    """Every island keeps its best programs; the parent is one of them, better ones more often.

    A child's place is the number of its parent's island.
    """

    name: ClassVar[str] = "islands"
    Options = IslandOptions

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        count = 1 if self.options.found_after else self.options.islands
        self._islands = [Elites(self.options.elites) for _ in range(count)]
        self._results: Counter[int] = Counter()
        self._failed: Counter[int] = Counter()
        self._told = 0
        self._offspring: Counter[int] = Counter()

    def begun(self, selection: Selection) -> None:
        """Count the children of a parent."""
        if self.options.parents == "offspring":
            self._offspring[selection.parent_id] += 1

    def tell(self, trial: Trial) -> None:
        """Place a result; the seed goes to every island."""
        if not trial.is_program:
            return
        # A program of another search, or of a run from before islands were founded one by one, goes where there is one.
        place = int(trial.place) if trial.place else trial.id
        for home in range(len(self._islands)) if trial.parent is None else [place % len(self._islands)]:
            self._results[home] += 1
            if trial.score is not None:
                self._islands[home].add(trial.score, trial.id)
            elif trial.status is not Status.OUTRUN:
                self._failed[home] += 1
        self._told += 1
        if len(self._islands) < self.options.islands and self._told >= self.options.found_after * len(self._islands):
            elites = self._islands[0].scored
            self._islands.append(Elites(self.options.elites, elites[1::2] or elites))
        if self._told % self.options.migrate_every == 0:
            migrate(self._islands, self.options.migrants)

    def ask(self, rng: random.Random) -> Choice:
        """Draw an island, a parent by rank, and inspirations: one elite of another island, the rest from its own.

        The bar is the worst elite of an island that has no free place.
        """
        index = rng.randrange(len(self._islands))
        elites = self._islands[index]
        exploring = rng.random() < self.options.explore
        rank = rng.randrange(len(elites)) if exploring else self._rank(rng, elites)
        parent = elites.ids[rank]
        how = "explored: any elite" if exploring else f"by {self.options.parents}"
        failed = f"the island failed {self._failed[index]} of {self._results[index]}"
        reason = f"rank {rank + 1} of {len(elites)} elites, {how}; {failed}"
        return Choice(parent, self._inspire(rng, index, parent), str(index), reason, elites.bar)

    def _rank(self, rng: random.Random, elites: Elites) -> int:
        ranks = range(len(elites))
        if self.options.parents == "power":
            return rng.choices(ranks, [(rank + 1) ** -self.options.power for rank in ranks])[0]
        if self.options.parents == "offspring":
            middle = median(score for score, _ in elites.scored)
            spread = median(abs(score - middle) for score, _ in elites.scored) or 1.0
            steep = [min(50.0, max(-50.0, 10.0 * (score - middle) / spread)) for score, _ in elites.scored]
            asked = [1 + self._offspring[id] for id in elites.ids]
            return rng.choices(ranks, [1 / (1 + math.exp(-x)) / n for x, n in zip(steep, asked, strict=True)])[0]
        few = self._told < self.options.found_after
        return Elites.rank(rng, len(elites), FEW_DRAWS if few else 2)

    def _inspire(self, rng: random.Random, index: int, parent: int) -> tuple[int, ...]:
        own = [id for id in self._islands[index].ids if id != parent]
        chosen: list[int] = []
        if len(self._islands) > 1 and self.options.inspirations > 0:
            other = (index + rng.randrange(1, len(self._islands))) % len(self._islands)
            visitor = self._islands[other].ids[Elites.rank(rng, len(self._islands[other]))]
            if visitor != parent:
                chosen.append(visitor)
        while len(chosen) < self.options.inspirations and own:
            candidate = own.pop(Elites.rank(rng, len(own)))
            if candidate not in chosen:
                chosen.append(candidate)
        return tuple(chosen)
