"""Adaptive islands: where the search improves, and how much, decides where it goes on and how boldly.

After AdaEvolve (arXiv 2602.20133, sections 3.2 to 3.4). Island k has a signal of improvement that fades,

    G_k <- rho G_k + (1 - rho) d^2,    d = gain over the island's best, squeezed into 0..1,

and the share of its steps that explore is I_k = least + (most - least) (1 - sqrt G_k): little is explored while there
is progress. A bandit spends the steps: the island with the highest

    R_k / V_k + C sqrt(ln(sum n) / n_k)

is next, where R and V are the fading sums of d and of results, n_k the island's steps so far, those in flight among
them. When no island has improved the whole for a while, steps are asked for one tactic after the other: a rewrite, a
crossover with another island, an idea that no program has, the same with less.

It differs from the paper in d: there the gain is divided by the best score, which may be 0 or below here. It is
squeezed by the median of the latest gains of all islands instead (`Gains`), so that no scale of scores and no poor
island is favoured. Islands are fixed in number, and tactics are kinds of change, not texts by a model; for another
approach from a strong model see `search.turn_after`.
"""

from __future__ import annotations

import math
import random
from typing import ClassVar

from pydantic import Field

from evolve.mutate.mutation import Kind
from evolve.search.bandit import Gains
from evolve.search.elites import Elites, migrate
from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Selection, Trial

__all__ = ["Adaptive"]

TACTICS = (Kind.REWRITE, Kind.CROSSOVER, Kind.EXPLORE, Kind.SIMPLIFY)


class AdaptiveOptions(StrategyOptions):
    """Of the strategy 'adaptive'."""

    islands: int = Field(default=3, ge=1, le=1_000, description="populations that evolve apart")
    elites: int = Field(default=12, ge=1, description="programs that an island keeps, the best by train score")
    migrate_every: int = Field(default=40, ge=1, description="results between two migrations, all islands together")
    inspirations: int = Field(
        default=2, ge=0, description="other programs that a mutation may look at, besides the parent"
    )
    fading: float = Field(default=0.9, gt=0, lt=1, description="what a result leaves of an island's earlier signal")
    explore_least: float = Field(default=0.1, ge=0, le=1, description="share of exploring steps at full progress")
    explore_most: float = Field(default=0.7, ge=0, le=1, description="share of exploring steps without progress")
    curiosity: float = Field(default=0.3, ge=0, description="weight of islands that had few steps, C")
    stalled_after: int = Field(
        default=20, ge=1, description="evaluations without a better program after which tactics are tried"
    )


class _Island:
    def __init__(self, bound: int) -> None:
        self.elites = Elites(bound)
        self.signal = self.reward = self.weight = 0.0
        self.steps = 0

    def tell(self, change: float, fading: float) -> None:
        self.signal = fading * self.signal + (1 - fading) * change**2
        self.reward = fading * self.reward + change
        self.weight = fading * self.weight + 1.0


class Adaptive(Strategy):
    """Several islands, a bandit over them, exploration by how much each improves. Place: the island's number."""

    name: ClassVar[str] = "adaptive"
    Options = AdaptiveOptions

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._islands = [_Island(self.options.elites) for _ in range(self.options.islands)]
        self._gains = Gains()
        self._best = -math.inf
        self._told = self._since = 0

    def begun(self, selection: Selection) -> None:
        """Count the step where its child belongs."""
        self._islands[self._home(selection.place, selection.step)].steps += 1

    def tell(self, trial: Trial) -> None:
        """Place a result; the seed goes to every island, a program of another search to the one of its number."""
        if not trial.is_program:
            return
        if trial.parent is None and trial.score is not None:
            for island in self._islands:
                island.elites.add(trial.score, trial.id)
            self._best = trial.score
            return
        home = self._islands[self._home(trial.place, trial.id)]
        change = 0.0
        if trial.score is not None:
            best = home.elites.scored[0][0] if len(home.elites) else trial.score
            change = self._gains.squeezed(trial.score - best)
            home.elites.add(trial.score, trial.id)
        home.tell(change, self.options.fading)
        better = trial.score is not None and trial.score > self._best
        self._best, self._since = (trial.score or 0.0, 0) if better else (self._best, self._since + 1)
        self._told += 1
        if self._told % self.options.migrate_every == 0:
            migrate([island.elites for island in self._islands], 1)

    def ask(self, rng: random.Random) -> Choice:
        """Choose the island by its bound, explore or exploit by its signal, and bring a tactic where all stall."""
        index = self._island(rng)
        island = self._islands[index]
        ids, least, most = island.elites.ids, self.options.explore_least, self.options.explore_most
        share = least + (most - least) * (1.0 - math.sqrt(min(1.0, island.signal)))
        exploring = rng.random() < share
        parent = ids[rng.randrange(len(ids)) if exploring else Elites.rank(rng, len(ids), 3)]
        shown = self._inspire(rng, index, parent, exploring)
        kind, how = None, f"{'explored' if exploring else 'exploited'}, share {share:.2f}, signal {island.signal:.3f}"
        if self._since >= self.options.stalled_after:
            kind = TACTICS[(self._since // self.options.stalled_after - 1) % len(TACTICS)]
            how += f"; {self._since} evaluations without a better program: {kind}"
            kind = None if kind is Kind.CROSSOVER and not shown else kind
        return Choice(parent, shown, str(index), f"island {index}: {how}", island.elites.bar, kind)

    def _island(self, rng: random.Random) -> int:
        steps = sum(island.steps for island in self._islands) + 1
        bounds = []
        for island in self._islands:
            brought = island.reward / island.weight if island.weight else 0.0
            tried = math.inf if island.steps == 0 else math.sqrt(math.log(steps) / island.steps)
            bounds.append((brought + self.options.curiosity * tried, rng.random()))
        able = [index for index, island in enumerate(self._islands) if len(island.elites)]
        return max(able, key=lambda index: bounds[index])

    def _inspire(self, rng: random.Random, index: int, parent: int, exploring: bool) -> tuple[int, ...]:
        """Show the best of the own island, and first somebody of another one where the step explores."""
        own = [id for id in self._islands[index].elites.ids if id != parent]
        others = [id for place, one in enumerate(self._islands) if place != index for id in one.elites.ids[:3]]
        others = [id for id in dict.fromkeys(others) if id != parent]
        first = [rng.choice(others)] if others and (exploring or not own) else []
        return tuple(dict.fromkeys([*first, *own]))[: self.options.inspirations]

    def _home(self, place: str, id: int) -> int:
        return (int(place) if place else id) % len(self._islands)
