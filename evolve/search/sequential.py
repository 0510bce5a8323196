"""Sequential: the last program that ran is the parent of the next one, better or worse: a talk, not a search."""

from __future__ import annotations

import random
from typing import ClassVar

from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Trial

__all__ = ["Sequential"]


class Sequential(Strategy):
    """The parent is the latest program with a score; the best one is shown beside it where that is another."""

    name: ClassVar[str] = "sequential"

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._last = self._best = 0
        self._score = float("-inf")

    def ask(self, rng: random.Random) -> Choice:
        """Return the latest."""
        shown = (self._best,) if self._best != self._last else ()
        return Choice(self._last, shown, "", "the latest program with a score")

    def tell(self, trial: Trial) -> None:
        """Take whatever has a score."""
        if trial.score is not None:
            self._last = trial.id
            if trial.score > self._score:
                self._best, self._score = trial.id, trial.score
