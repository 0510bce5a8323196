"""Hill climbing: the best program so far is the parent of the next one (Forrest & Mitchell 1993; arXiv 2602.16805)."""

from __future__ import annotations

import random
from typing import ClassVar

from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Trial

__all__ = ["Climbing"]


class Climbing(Strategy):
    """The parent is the best on train, of equal ones the first."""

    name: ClassVar[str] = "climbing"

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._best = 0
        self._score = float("-inf")

    def ask(self, rng: random.Random) -> Choice:
        """Return the best; a child below it changes nothing."""
        return Choice(self._best, (), "", f"the best so far, {self._score:.2f} on train", self._best)

    def tell(self, trial: Trial) -> None:
        """Take a better program."""
        if trial.score is not None and trial.score > self._score:
            self._best, self._score = trial.id, trial.score
