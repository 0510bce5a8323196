"""Who is best on each train instance, and who can show a program something that it lacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from evolve.trial import Trial

__all__ = ["Leaders"]

LEAST = 0.05
"""Points that are no difference."""


class Leaders:
    """Keeps every program's scores per instance, four bytes each, and the best of each instance."""

    def __init__(self) -> None:
        self._scores = np.full((64, 0), np.nan, dtype=np.float32)
        self._best: list[tuple[int, float] | None] = []
        self._highest: list[float] = []

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended: the seed first, whose number of instances is everybody's."""
        if trial.score is None or not trial.scores:
            return
        if not self._best:
            self._best, self._highest = [None] * len(trial.scores), [-math.inf] * len(trial.scores)
            self._scores = np.full((64, len(self._best)), np.nan, dtype=np.float32)
        while trial.id >= len(self._scores):
            self._scores = np.concatenate([self._scores, np.full_like(self._scores, np.nan)])
        scores = trial.scores[: len(self._best)]
        self._scores[trial.id, : len(scores)] = scores  # None becomes NaN
        for place, score in enumerate(scores):
            if score is not None and score > self._highest[place]:
                self._highest[place], self._best[place] = score, (trial.id, score)

    def best(self) -> tuple[tuple[int, float] | None, ...]:
        """Return (program, score) of the first that is best, for each train instance in their order."""
        return tuple(self._best)

    def scores(self, ids: Iterable[int]) -> dict[int, tuple[float | None, ...]]:
        """Return the scores of programs on the train instances in their order, of those that have any.

        As they are kept, rounded to seven digits: those of one call compare with one another.
        """
        rows = {id: self._scores[id].tolist() for id in ids if 0 <= id < len(self._scores)}
        return {
            id: tuple(None if score != score else score for score in row)  # NaN is what no score was kept as
            for id, row in rows.items()
            if any(score == score for score in row)
        }

    def worth_showing(self, parent: int, offered: Sequence[int]) -> tuple[int, ...]:
        """Return as many programs as are offered, or fewer, to show to whoever changes the parent.

        The first of those offered that beats the parent anywhere, the seed aside; then, of them and of who leads on an
        instance, each time who brings most where the parent and those before are behind.
        """
        if not self._best or parent >= len(self._scores) or np.isnan(self._scores[parent]).all():
            return tuple(offered)  # nothing is known of it
        own = self._scores[parent]
        chosen = [id for id in offered if id != 0 and self._gain(own, id) > 0][:1]
        leading = {leader[0] for leader in self._best if leader is not None}
        while len(chosen) < len(offered):
            # What those before have is known already: who comes next should bring something else.
            known = np.fmax.reduce(self._scores[[parent, *chosen]])
            gains = {id: self._gain(known, id) for id in sorted({*leading, *offered} - {0, parent, *chosen})}
            best = max(gains, key=lambda id: gains[id], default=None)
            if best is None or gains[best] <= 0:
                break
            chosen.append(best)
        return tuple(chosen)

    def partner(self, parent: int, offered: Sequence[int]) -> int | None:
        """Return the first program that beats the parent somewhere and is beaten by it elsewhere, or None.

        Where nothing is known of the scores per instance, it is the first.
        """
        if not self._best or parent >= len(self._scores):
            return next(iter(offered), None)
        own = self._scores[parent]
        return next(
            (id for id in offered if self._gain(own, id) > 0 and self._gain(self._scores[id], parent) > 0), None
        )

    def _gain(self, own: np.ndarray, id: int) -> float:
        """Return the points by which a program beats the parent, summed over the instances where it does.

        own: (instances,) float32, the parent's scores, NaN where it has none.
        """
        if id >= len(self._scores):
            return 0.0
        gains = self._scores[id] - own
        return float(gains[gains > LEAST].sum())
