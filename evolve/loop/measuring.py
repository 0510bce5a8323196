"""A program's results on a split: each is committed when it comes, and those that are there are not made again."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from evolve.archive import Program, Store
from evolve.evaluator import Split
from evolve.scoring import InstanceResult
from evolve.workers import Pool, spread

COMMIT_EVERY_S = 1.0
"""Results that came within this time are committed together: a kill loses no more than that, or one instance."""

Results = dict[int, InstanceResult]
"""By the index of the instance."""


async def take(
    store: Store,
    program_id: int,
    split: Split,
    stream: AsyncGenerator[tuple[int, InstanceResult], None],
) -> tuple[Results, Results]:
    """Commit results as they come; return all of them, and those that are not committed yet.

    When the stream breaks off, what it had given is committed.
    """
    results: Results = {}
    fresh: Results = {}
    began_s = time.monotonic()
    try:
        async with aclosing(stream):
            async for index, result in stream:
                results[index] = fresh[index] = result
                if time.monotonic() - began_s >= COMMIT_EVERY_S:
                    store.measure(program_id, split, fresh)
                    fresh, began_s = {}, time.monotonic()
    except BaseException:
        if fresh:
            store.measure(program_id, split, fresh)
        raise
    return results, fresh


async def evaluate_rest(
    store: Store,
    pool: Pool,
    program: Program,
    split: Split,
    count: int,
    deadline_s: float | None = None,
) -> tuple[list[InstanceResult], Results]:
    """Evaluate a program on the instances of a split on which it was not, spread over all workers.

    Returns all `count` results in their order, and those that are not committed yet. Raises as `Pool.evaluate`.
    """
    done = store.measured(program.id, split)
    left = [index for index in range(count) if index not in done]
    stream = spread(pool, program.source, split, left, deadline_s=deadline_s)
    results, fresh = await take(store, program.id, split, stream)
    return [result for _, result in sorted((done | results).items())], fresh
