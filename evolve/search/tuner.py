"""Tuning: a program often has the right form and the wrong numbers, which cost no model call to find.

The numbers of one program are searched by CMA-ES (Hansen & Ostermeier 2001; the package `cmaes`, arXiv 2402.01373), in
log units around what they are: value k of a trial multiplies number k by e^value. A generation of
4 + floor(3 ln n) trials is in flight together; the distribution moves when the last of it has ended, and other steps go
on meanwhile. A child that failed ranks last in its generation. Of one that the race stopped it counts how far it was
from the program on the instances that it ran on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

from evolve.mutate.mutation import TUNE
from evolve.scoring import Status
from evolve.search.lineage import Lineage
from evolve.trial import Fate, Selection, Trial

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Tuner"]

Scores: TypeAlias = tuple[float | None, ...]
"""Of one program on the train instances, in their order."""

SIGMA = 0.35
"""Standard deviation of the first generation, in log units: two in three trials are within 0.7 to 1.4 of a number."""


class _Campaign:
    """The tuning of one program: at most `trials` trials of `count` numbers.

    score, scores: of the program.
    waiting: points of this generation that are no step yet.  flying: step -> point.  ended: (point, loss).
    """

    def __init__(self, base: int, score: float, scores: Scores, count: int, trials: int, seed: int) -> None:
        import numpy as np
        from cmaes import CMA

        self.base, self.score, self.scores, self.count, self.trials = base, score, scores, count, trials
        # One number alone is no plane to search: it gets a second one that nobody reads.
        self._cma = CMA(mean=np.zeros(max(2, count)), sigma=SIGMA, seed=seed)
        self.waiting = self._generation()
        self.flying: dict[int, np.ndarray] = {}
        self._ended: list[tuple[np.ndarray, float]] = []
        self.begun = 0

    def _generation(self) -> list[np.ndarray]:
        return [self._cma.ask() for _ in range(self._cma.population_size)]

    def begin(self, step: int) -> None:
        """Make the next point a step's."""
        self.flying[step] = self.waiting.pop()
        self.begun += 1

    def loss_of_outrun(self, scores: Scores) -> float:
        """Return what a trial would have lost if it had gone on to be as far from the program as it was so far.

        Without it most trials of a good program would be equally bad, and the distribution would learn nothing.
        """
        pairs = zip(scores, self.scores, strict=False)
        ahead = [score - base for score, base in pairs if score is not None and base is not None]
        return -(self.score + fmean(ahead)) if ahead else float("inf")

    def tell(self, step: int, loss: float) -> None:
        """Learn how a step ended; the last of a generation moves the distribution."""
        self._ended.append((self.flying.pop(step), loss))
        if not self.waiting and not self.flying:
            self._cma.tell(self._ended)
            self._ended, self.waiting = [], self._generation()


class Tuner:
    """Spends a share of the steps on the numbers of the best program, then of elites as the strategy chooses them.

    share: of the steps that tuning may take.  trials: evaluations that one program gets.  seed: of the run.
    numbers: id -> how many numbers a program has that can be tuned.
    measured: ids -> id -> scores of these programs, where they are known.
    """

    def __init__(
        self,
        lineage: Lineage,
        share: float,
        trials: int,
        seed: int,
        numbers: Callable[[int], int],
        measured: Callable[[Iterable[int]], Mapping[int, Scores]] = lambda ids: {},
    ) -> None:
        self._lineage, self._share, self._trials, self._seed = lineage, share, trials, seed
        self._numbers, self._measured = numbers, measured
        self._steps = self._tuned = 0
        self._done: set[int] = set()
        self._now: _Campaign | None = None
        self._before: dict[int, _Campaign] = {}

    def begun(self, selection: Selection) -> None:
        """Take note of a choice: a trial may be under way."""
        self._steps += 1
        if selection.kind != TUNE:
            return
        self._tuned += 1
        base = selection.parent_id
        if self._now is None or self._now.base != base:
            score, scores = self._lineage.score(base) or 0.0, self._measured([base]).get(base, ())
            seed = random.Random(f"{self._seed}/tune/{selection.step}").getrandbits(32)
            self._now = _Campaign(base, score, scores, self._numbers(base), self._trials, seed)
            self._done.add(base)
        self._now.begin(selection.step)
        self._before[selection.step] = self._now

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        campaign = self._before.pop(trial.id, None)
        if campaign is None:
            return
        if trial.is_program:
            self._done.add(trial.id)  # the same form with other numbers
        if trial.fate is Fate.DUPLICATE:
            loss = -campaign.score  # rounded to what is there already, most likely the program itself
        elif trial.status is Status.OUTRUN:
            loss = campaign.loss_of_outrun(trial.scores)
        else:
            loss = float("inf") if trial.score is None else -trial.score
        campaign.tell(trial.id, loss)

    def values(self, step: int) -> tuple[float, ...]:
        """Return the point of a step in flight; empty where the step tunes nothing."""
        campaign = self._before.get(step)
        return () if campaign is None else tuple(float(value) for value in campaign.flying[step])

    def subject(self, parent: int) -> tuple[int, str] | None:
        """Return the program whose numbers the next step is to set, and why; None: the step is for another change.

        parent: whom the strategy has chosen, an elite.
        """
        if self._share == 0:
            return None
        now = self._now
        if now is not None and now.begun < now.trials:
            why = f"trial {now.begun + 1} of {now.trials} on the {now.count} numbers of {now.base}"
            return (now.base, why) if now.waiting else None
        if self._tuned + self._trials > self._share * (self._steps + self._trials):
            return None
        best = parent if self._lineage.best is None else self._lineage.best[0]
        for id in dict.fromkeys((best, parent)):
            if id not in self._done and (count := self._numbers(id)):
                return id, f"trial 1 of {self._trials} on the {count} numbers of {id}"
        return None
