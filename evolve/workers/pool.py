"""What a pool of workers is, wherever they run, and what can be done with any of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from evolve.evaluator import Split
from evolve.racing import Race
from evolve.scoring import InstanceResult, SplitScore, Status, Summary, put_together


@dataclass(frozen=True)
class Fresh:
    """Instances drawn anew, in the place of a split's own ones: what `Evaluator.fresh` is asked."""

    seed: int
    count: int


WALL_TIME = "wall_time"
"""The kind of failure of a program that took too much wall-clock time, which may be due to a busy host.
It counts only when it happens again while nothing else of the pool runs."""


class OutOfTime(Exception):
    """The deadline that an evaluation was given has passed; what it had not given yet is given up."""


class Pool(Protocol):
    """Where evaluations run: an async context manager, made by `make_pool`. An engine is a class that does this.

    notices: what a person should know of the workers, complete once it is entered.
    Entering raises UsageError when the problem cannot be loaded, or isolation is required and incomplete.
    """

    notices: list[str]

    async def __aenter__(self) -> Any: ...
    async def __aexit__(self, *error: object) -> None: ...

    def evaluate(
        self,
        source: str,
        split: Split,
        indices: Sequence[int],
        *,
        stop_at_failure: bool = False,
        race: Race | None = None,
        fresh: Fresh | None = None,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[InstanceResult, None]:
        """Evaluate a program on instances of a split, one after the other on one worker; give each result as it comes.

        There is one result per index, in order; fewer when it stops at the first that is not ok, or has lost the race.
        A worker that dies is not the program's fault: the instance is tried again; twice in a row, and it is recorded
        as a failure of that instance. So is a program out of wall time, or an evaluation that does not end within
        the limit (`Evaluator.evaluation_s`), after it was tried again with nothing else running. Whatever an
        evaluation started is ended with it.
        fresh: instances drawn anew, in the place of the split's own.
        deadline_s: seconds from now; raises OutOfTime, the evaluation given up, when it is not done by then.
        Raises UsageError when the problem has no such split. Close it (`aclosing`) where it may be left early.
        """

    async def summarise(self, split: Split, results: Sequence[InstanceResult]) -> Summary:
        """Return the figures of a whole split, by the evaluator's own `summarise`. results: all ok, in order."""


async def spread(
    pool: Pool,
    source: str,
    split: Split,
    indices: Iterable[int],
    *,
    fresh: Fresh | None = None,
    deadline_s: float | None = None,
) -> AsyncGenerator[tuple[int, InstanceResult], None]:
    """Evaluate a program on instances spread over all workers; give (index, result) in the order in which they come.

    Raises as `Pool.evaluate`. Close it (`aclosing`) where it may be left early.
    """

    async def one(index: int) -> tuple[int, InstanceResult]:
        (result,) = [r async for r in pool.evaluate(source, split, [index], fresh=fresh, deadline_s=deadline_s)]
        return index, result

    tasks = [asyncio.create_task(one(index)) for index in indices]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def evaluate_spread(
    pool: Pool,
    source: str,
    split: Split,
    count: int,
    *,
    fresh: Fresh | None = None,
    deadline_s: float | None = None,
) -> list[InstanceResult]:
    """Evaluate a program on the first `count` instances of a split, spread; return the results in their order."""
    async with aclosing(spread(pool, source, split, range(count), fresh=fresh, deadline_s=deadline_s)) as results:
        return [result for _, result in sorted([one async for one in results], key=lambda one: one[0])]


async def split_score(pool: Pool, split: Split, results: Sequence[InstanceResult], count: int) -> SplitScore:
    """Put the results of a program on a split of `count` instances together. results: in their order, perhaps fewer."""
    whole = len(results) == count and all(result.status is Status.OK for result in results)
    return put_together(split, results, count, await pool.summarise(split, results) if whole and results else Summary())
