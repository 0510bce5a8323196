"""The strategy."""

import random

from evolve.search.strategy import Choice, Strategy
from evolve.trial import Trial


class Newest(Strategy):
    """The parent is the newest program that is no failure."""

    name = "newest"

    def __init__(self, options=None):
        """Begin with the seed."""
        super().__init__(options)
        self._newest = 0

    def ask(self, rng: random.Random) -> Choice:
        """Return the newest."""
        return Choice(self._newest, (), "", "the newest")

    def tell(self, trial: Trial) -> None:
        """Remember it."""
        if trial.score is not None:
            self._newest = trial.id
