"""Sampling: independent answers to the seed. It learns nothing, so it is the floor that every search has to beat.

As in arXiv 2602.16805, where it matches several published frameworks at equal budgets.
"""

from __future__ import annotations

import random
from typing import ClassVar

from evolve.search.strategy import Choice, Strategy
from evolve.trial import Trial

__all__ = ["Sampling"]


class Sampling(Strategy):
    """The parent is always the seed, and nobody inspires."""

    name: ClassVar[str] = "sampling"

    def ask(self, rng: random.Random) -> Choice:
        """Return the seed."""
        return Choice(0, (), "", "the seed, always")

    def tell(self, trial: Trial) -> None:
        """Nothing is learnt."""
