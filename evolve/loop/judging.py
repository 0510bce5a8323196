"""A child's evaluation on train: in the order of its race, until it fails or has lost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from evolve.archive import Program, Store
from evolve.evaluator import Split
from evolve.loop.heats import Heats
from evolve.loop.measuring import Results, take
from evolve.loop.rotation import Rotation
from evolve.scoring import InstanceResult, Status
from evolve.trial import Selection
from evolve.workers import Pool, split_score


class Judge:
    """Evaluates children. count: train instances.  rotation: None, or the part of train that changes.

    deadline_s: gives how many seconds an evaluation may take, None for any.
    """

    def __init__(
        self,
        store: Store,
        pool: Pool,
        heats: Heats,
        rotation: Rotation | None,
        count: int,
        deadline_s: Callable[[], float | None],
    ) -> None:
        self._store, self._pool, self._heats, self._rotation = store, pool, heats, rotation
        self._count, self._deadline_s = count, deadline_s

    async def score(self, selection: Selection, program: Program, done: Results) -> tuple[Program, Results]:
        """Return a child with its figures on train, and the results that are not committed yet. Raises OutOfTime.

        done: what an earlier session came to.
        """
        results, fresh = await take(self._store, program.id, Split.TRAIN, self._results(selection, program, done))
        ordered = dict(sorted((done | results).items()))
        score = await split_score(self._pool, Split.TRAIN, list(ordered.values()), self._count)
        scores = tuple(ordered[i].score if i in ordered else None for i in range(self._count))
        program = replace(program.with_score(score), scores=scores)
        if self._rotation is not None and program.score is not None:
            try:
                await self._rotation.score(program.id, program.source, selection.step)
            except BaseException:
                self._store.measure(program.id, Split.TRAIN, fresh)
                raise
        return program, fresh

    async def _results(
        self, selection: Selection, program: Program, done: Results
    ) -> AsyncGenerator[tuple[int, InstanceResult], None]:
        """Give a child's results on the instances that are left, until one fails or the race is lost."""
        order, race = self._heats.order(selection.step), self._heats.race(selection)
        for index in order:
            if index in done and race is not None:
                race = race.after(done[index].score)
        left = [index for index in order if index not in done]
        if any(result.status is not Status.OK for result in done.values()) or (race is not None and race.is_lost()):
            return
        stream = self._pool.evaluate(
            program.source, Split.TRAIN, left, stop_at_failure=True, race=race, deadline_s=self._deadline_s()
        )
        async with aclosing(stream):
            indices = iter(left)
            async for result in stream:
                yield next(indices), result
