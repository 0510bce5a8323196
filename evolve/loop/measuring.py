"""A program's results on a split: each is committed when it comes, and those that are there are not made again."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from evolve.archive import Program, Store
from evolve.evaluator import Split
from evolve.loop.rotation import Rotation
from evolve.loop.running import Run
from evolve.racing import Race, RaceOrder, make_race
from evolve.scoring import InstanceResult, SplitScore, Status
from evolve.trial import Selection, Trial
from evolve.workers import split_score, spread

COMMIT_EVERY_S = 1.0
"""Results that came within this time are committed together: a kill loses no more than that, or one instance."""

Results = dict[int, InstanceResult]
"""By the index of the instance."""


async def take(
    store: Store, program_id: int, split: Split, stream: AsyncGenerator[tuple[int, InstanceResult], None], done: Results
) -> Results:
    """Commit results as they come, and add them to `done` then; return those that are not committed yet.

    When the stream breaks off, what it had given is committed.
    """
    fresh: Results = {}
    began_s = time.monotonic()
    try:
        async with aclosing(stream):
            async for index, result in stream:
                fresh[index] = result
                if time.monotonic() - began_s >= COMMIT_EVERY_S:
                    store.measure(program_id, split, fresh)
                    done.update(fresh)
                    fresh, began_s = {}, time.monotonic()
    except BaseException:
        if fresh:
            store.measure(program_id, split, fresh)
        raise
    return fresh


async def evaluate_rest(
    run: Run, program: Program, split: Split, done: Results, deadline_s: float | None = None
) -> tuple[SplitScore, Results]:
    """Evaluate a program on the instances of a split on which it was not, spread over all workers.

    done: the results that are committed, to which others are added as they are.
    Return its figures on the whole split, and the results that are not committed yet. Raises as `Pool.evaluate`.
    """
    count = len(run.problem.instances(split))
    left = [index for index in range(count) if index not in done]
    stream = spread(run.pool, program.source, split, left, deadline_s=deadline_s)
    fresh = await take(run.store, program.id, split, stream, done)
    results = [result for _, result in sorted((done | fresh).items())]
    return await split_score(run.pool, split, results, count), fresh


class Judge:
    """Evaluates children on train, in the order of a race, which is fixed when the step is chosen.

    It follows from the calls of `tell` and `begun`, as the search's state does: so a resumed step is evaluated in the
    order in which it was begun, and a replayed one as it was recorded.

    rotation: None, or the part of train that changes.
    """

    def __init__(self, run: Run, rotation: Rotation | None) -> None:
        self._run, self._store, self._rotation = run, run.store, rotation
        self._count = len(run.problem.instances(Split.TRAIN))
        self._order = RaceOrder(self._count)
        self._orders: dict[int, tuple[int, ...]] = {}
        """Of the steps in flight."""

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        self._orders.pop(trial.id, None)
        if trial.score is not None:
            self._order.tell(trial.scores)

    def begun(self, step: int) -> None:
        """Fix the order of a step that was chosen now."""
        self._orders[step] = self._order.current

    async def score(self, selection: Selection, program: Program, done: Results) -> tuple[Program, Results]:
        """Return a child with its figures on train, and the results that are not committed yet. Raises OutOfTime.

        done: what an earlier session came to; results are added as they are committed.
        """
        stream = self._results(selection, program, done)
        fresh = await take(self._store, program.id, Split.TRAIN, stream, done)
        ordered = dict(sorted((done | fresh).items()))
        score = await split_score(self._run.pool, Split.TRAIN, list(ordered.values()), self._count)
        scores = tuple(ordered[i].score if i in ordered else None for i in range(self._count))
        program = replace(program.with_score(score), scores=scores)
        if self._rotation is not None and program.score is not None:
            try:
                await self._rotation.score(program, selection.step)
            except BaseException:
                self._store.measure(program.id, Split.TRAIN, fresh)
                raise
        return program, fresh

    async def _results(
        self, selection: Selection, program: Program, done: Results
    ) -> AsyncGenerator[tuple[int, InstanceResult], None]:
        """Give a child's results on the instances that are left, until one fails or the race is lost."""
        order = self._orders[selection.step]
        race = self._race(selection, order)
        for index in order:
            if index in done and race is not None:
                race = race.after(done[index].score)
        left = [index for index in order if index not in done]
        if any(result.status is not Status.OK for result in done.values()) or (race is not None and race.is_lost()):
            return
        stream = self._run.pool.evaluate(
            program.source, Split.TRAIN, left, stop_at_failure=True, race=race, deadline_s=self._run.ledger.deadline_s
        )
        async with aclosing(stream):
            indices = iter(left)
            async for result in stream:
                yield next(indices), result

    def _race(self, selection: Selection, order: tuple[int, ...]) -> Race | None:
        """Return what a step's child races against; of a resumed step, what its choice committed."""
        if selection.bar_id is None:
            return None
        instances = self._run.population.example(selection.bar_id).instances
        if len(instances) != len(order):
            return None  # scored before the evaluator was changed to have other instances
        is_timed = "score" in self._run.problem.evaluator.timed_metrics
        return make_race([instances[index][1] for index in order], self._run.config.racing, is_timed)
