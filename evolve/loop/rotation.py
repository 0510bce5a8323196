"""A part of train that changes: instances drawn anew every so many steps, against fitting the fixed ones too well.

With `search.fresh_instances = m` a program's scores are those on the fixed train instances and on m
others, which come from the problem's generator (`Evaluator.fresh`). After `search.fresh_every` steps, an epoch, these
are drawn anew. Whoever is then worth building on, the `search.fresh_elites` best by these scores, and the
seed, is scored on the new ones, and the strategy begins again with those alone: two programs that it compares have run
on the same instances, always, so that all comparisons are paired. Who was lucky on one draw falls at the next.

An epoch begins when every step before it has ended, and depends on the number of the step and on known trials: so
it resumes and replays like everything else. Its results are kept in the archive under the name "rotating", at
position epoch * m + index; no table of train, validation or test counts them, and train scores stay those of the fixed
instances, comparable over the whole run. A child that is stopped or fails on the fixed ones is not run on the others.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing

from evolve.archive import Program
from evolve.archive.records import ROTATING
from evolve.evaluator import Split, mean
from evolve.loop.running import Run
from evolve.scoring import InstanceResult, Status
from evolve.trial import Trial
from evolve.workers import Fresh


class Rotation:
    """Epochs of a run. renew: called with the trials with which the strategy begins again."""

    def __init__(self, run: Run, renew: Callable[[Sequence[Trial]], None]) -> None:
        self._run, self._store, self._search, self._renew = run, run.store, run.config.search, renew
        self._count, self._entered = run.config.search.fresh_instances, -1
        self._alive: dict[int, Trial] = {}

    def epoch(self, step: int) -> int:
        """Return the epoch of a step, 0 for the first ones."""
        return (step - 1) // self._search.fresh_every

    def is_due(self, step: int) -> bool:
        """Return whether a step is the first of an epoch that has not begun."""
        return self.epoch(step) > self._entered

    async def begin(self, step: int) -> None:
        """Begin the epoch of a step: score whoever is worth building on. Raises OutOfTime."""
        await asyncio.gather(*(self.score(program, step) for program in self._store.programs_among(self._elites())))
        self.enter(step)

    def enter(self, step: int) -> None:
        """Begin the epoch of a step, whose elites have been scored, as `begin` does after that."""
        epoch = self.epoch(step)
        found = self._store.rotating(epoch * self._count, self._count)
        trials = [self._with(self._store.trial(id), found.get(id, {})) for id in self._elites()]
        # A search needs its seed, whatever that does on a draw.
        trials = [self._store.trial(0) if trial.id == 0 and trial.score is None else trial for trial in trials]
        self._alive = {trial.id: trial for trial in trials if trial.score is not None}
        self._entered = epoch
        self._renew(list(self._alive.values()))

    def with_fresh(self, trial: Trial) -> Trial:
        """Return a trial with its scores on the fixed instances and on those of its epoch, as the strategy gets it."""
        if trial.id == 0 or trial.score is None:
            return trial
        results = self._store.measured(trial.id, ROTATING)
        first = self.epoch(trial.id) * self._count
        of_epoch = {place - first: result for place, result in results.items() if 0 <= place - first < self._count}
        whole = self._with(trial, of_epoch)
        if whole.score is not None and self.epoch(trial.id) == self._entered:
            self._alive[whole.id] = whole
        return whole

    def _elites(self) -> list[int]:
        """Return the ids of the seed and of the best by the scores that the strategy got."""
        ranked = sorted((trial for trial in self._alive.values() if trial.id), key=lambda t: (-(t.score or 0.0), t.id))
        return sorted({0, *(trial.id for trial in ranked[: self._search.fresh_elites])})

    def _with(self, trial: Trial, results: Mapping[int, InstanceResult]) -> Trial:
        failed = next((result for _, result in sorted(results.items()) if result.status is not Status.OK), None)
        if failed is not None:
            return trial._replace(status=failed.status, score=None, metrics={}, failure=failed.feedback)
        fresh = [results[place].score if place in results else None for place in range(self._count)]
        scores = (*trial.scores, *fresh)
        known = [score for score in scores if score is not None]
        return trial._replace(scores=scores, score=mean(known)) if known else trial

    async def score(self, program: Program, step: int) -> None:
        """Score a program, which is sound on the fixed instances, on those of a step's epoch. Raises OutOfTime."""
        first = self.epoch(step) * self._count
        done = self._store.measured(program.id, ROTATING)
        if any(result.status is not Status.OK for place, result in done.items() if place >= first):
            return
        left = [index for index in range(self._count) if first + index not in done]
        seed = random.Random(f"{self._run.config.seed}/fresh/{self.epoch(step)}").getrandbits(63)
        stream = self._run.pool.evaluate(
            program.source,
            Split.TRAIN,
            left,
            stop_at_failure=True,
            fresh=Fresh(seed, self._count),
            deadline_s=self._run.ledger.deadline_s,
        )
        async with aclosing(stream):
            results = [result async for result in stream]
        places = [first + index for index in left]
        self._store.measure(program.id, ROTATING, dict(zip(places, results, strict=False)))
