"""A pool of workers that says when an evaluator, not a program, is at fault."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from evolve.evaluator import Split
from evolve.scoring import InstanceResult, Summary
from evolve.workers import Pool
from evolve.workers.evaluation import VERIFIER

MOST_LINES = 5
"""Different lines that are shown of one run; `evolve show RUN --failed` lists every program that it struck."""


class Watched:
    """Does what a pool does, and tells a person of each fault of the evaluator: once, with where it happened."""

    def __init__(self, pool: Pool, tell: Callable[[str], None]) -> None:
        self._pool, self._tell = pool, tell
        self._told: set[str] = set()
        self.notices: list[str] = []

    async def __aenter__(self) -> Watched:
        await self._pool.__aenter__()
        self.notices = self._pool.notices
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._pool.__aexit__(*error)

    async def evaluate(
        self, source: str, split: Split, indices: Sequence[int], **how: Any
    ) -> AsyncGenerator[InstanceResult, None]:
        """Evaluate as `Pool.evaluate`."""
        async with aclosing(self._pool.evaluate(source, split, indices, **how)) as results:
            async for result in results:
                if result.failure == VERIFIER:
                    self._blame(f"{result.instance_id}: {result.feedback}")
                yield result

    async def summarise(self, split: Split, results: Sequence[InstanceResult]) -> Summary:
        """Sum up as `Pool.summarise`."""
        summary = await self._pool.summarise(split, results)
        if summary.fault:
            self._blame(f"{split.value}: {summary.fault}")
        return summary

    def _blame(self, what: str) -> None:
        words = re.sub(r"\d+", "#", what.partition(": ")[2])
        if words not in self._told and len(self._told) < MOST_LINES:
            self._told.add(words)
            self._tell(
                f"evaluator.py is at fault, not the program: {what} (the same again is counted as failed, not shown)"
            )
