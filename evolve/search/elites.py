"""The best programs of a population, and how a parent is drawn from them by rank."""

from __future__ import annotations

import random
from bisect import insort
from collections.abc import Sequence

__all__ = ["Elites", "migrate"]

BETTER_THAN_SEED = 2
"""Elites with more points than the seed for which it is given up as a parent: it is no algorithm yet."""


class Elites:
    """At most `bound` programs, the best by train score, of equal ones the first."""

    def __init__(self, bound: int, first: Sequence[tuple[float, int]] = ()) -> None:
        self._bound = bound
        self._kept = [(-score, id) for score, id in first]  # ascending order is best first

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def ids(self) -> list[int]:
        """The programs, best first."""
        return [id for _, id in self._kept]

    @property
    def scored(self) -> list[tuple[float, int]]:
        """(score, program), best first."""
        return [(-negated, id) for negated, id in self._kept]

    @property
    def bar(self) -> int | None:
        """The program that a child has to beat to become one of them; None while there is a free place."""
        return self._kept[-1][1] if len(self._kept) == self._bound else None

    def add(self, score: float, id: int) -> None:
        """Take a program, if it is among the best."""
        if len(self._kept) == self._bound and (-score, id) > self._kept[-1]:
            return
        if (-score, id) not in self._kept:
            insort(self._kept, (-score, id))
            del self._kept[self._bound :]
        seed = next((known for known in self._kept if known[1] == 0), None)
        if seed is not None and sum(known[0] < seed[0] for known in self._kept) >= BETTER_THAN_SEED:
            self._kept.remove(seed)

    @staticmethod
    def rank(rng: random.Random, count: int, draws: int = 2) -> int:
        """Return 0..count-1, the lowest of some draws: of two, the first is `count` times as likely as the last.

        That is ranking with a linear density, Baker 1985.
        """
        return min(rng.randrange(count) for _ in range(draws))


def migrate(populations: Sequence[Elites], count: int) -> None:
    """Hand the best `count` of each population to the next one, all at the same time; the last is before the first."""
    leaving = [population.scored[:count] for population in populations]
    for index, migrants in enumerate(leaving):
        for score, id in migrants:
            populations[(index + 1) % len(populations)].add(score, id)
