"""Three searches without a population, the floor that every other has to beat, as in arXiv 2602.16805."""

from __future__ import annotations

import math
import random
from typing import ClassVar

from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Trial

__all__ = ["Climbing", "Sampling", "Sequential"]


class Sampling(Strategy):
    """Independent answers to the seed: it learns nothing, and matches several published frameworks at equal budgets."""

    name: ClassVar[str] = "sampling"

    def ask(self, rng: random.Random) -> Choice:
        """Return the seed."""
        return Choice(0, (), "", "the seed, always")

    def tell(self, trial: Trial) -> None:
        """Nothing is learnt."""


class Climbing(Strategy):
    """Hill climbing: the parent is the best on train, of equal ones the first (Forrest & Mitchell 1993)."""

    name: ClassVar[str] = "climbing"

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._best, self._score = 0, -math.inf

    def ask(self, rng: random.Random) -> Choice:
        """Return the best; a child below it changes nothing."""
        return Choice(self._best, (), "", f"the best so far, {self._score:.2f} on train", self._best)

    def tell(self, trial: Trial) -> None:
        """Take a better program."""
        if trial.score is not None and trial.score > self._score:
            self._best, self._score = trial.id, trial.score


class Sequential(Climbing):
    """A talk, not a search: the parent is the latest program with a score, better or worse; the best is shown too."""

    name: ClassVar[str] = "sequential"

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._last = 0

    def ask(self, rng: random.Random) -> Choice:
        """Return the latest."""
        shown = (self._best,) if self._best != self._last else ()
        return Choice(self._last, shown, "", "the latest program with a score")

    def tell(self, trial: Trial) -> None:
        """Take whatever has a score."""
        super().tell(trial)
        if trial.score is not None:
            self._last = trial.id
