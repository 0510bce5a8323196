"""A program's results on a split: each is committed when it comes, and those that are there are not made again."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from evolve.archive import Program, Store
from evolve.evaluator import Split
from evolve.loop.running import Run
from evolve.scoring import InstanceResult, SplitScore
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
