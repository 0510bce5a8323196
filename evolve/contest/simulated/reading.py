"""A pool for the simulated model's programs: it reads their genes instead of running them, a thousand times as fast.

Nothing is executed: a program is genes in a line, or broken, and the verifier is the problem's own. Programs of other
origin, such as the built-in mutator's, go to real workers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from evolve.contest.simulated.model import BROKEN, genes_of
from evolve.evaluator import Evaluator, Infeasible, Split
from evolve.racing import Race
from evolve.scoring import InstanceResult, Status, Summary
from evolve.workers import Fresh
from evolve.workers.evaluation import summary


class _Genes:
    """Stands in for the sandboxed program."""

    def __init__(self, genes: tuple[int, ...]) -> None:
        self._genes = genes

    def call(self, name: str) -> list[int]:
        return list(self._genes)


class ReadingPool:
    """As `evolve.workers.Pool`, in this process."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.notices: list[str] = []

    async def __aenter__(self) -> ReadingPool:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def evaluate(
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
        """As `Pool.evaluate`."""
        if fresh is None:
            instances = self._evaluator.instances(split)
        else:
            instances = self._evaluator.fresh(split, fresh.seed, fresh.count)
        await asyncio.sleep(0)
        scores: list[float | None] = []
        for index in indices:
            result = self._result(source, instances[index])
            yield result
            scores.append(result.score)
            is_lost = race is not None and race.is_lost(scores)
            if is_lost or (stop_at_failure and result.status is not Status.OK):
                return

    def _result(self, source: str, instance: Any) -> InstanceResult:
        if BROKEN in source:
            return InstanceResult(instance.id, Status.ERROR, feedback="ValueError: broken", failure="exception")
        try:
            outcome = self._evaluator.evaluate(_Genes(genes_of(source)), instance)  # type: ignore[arg-type]
        except (Infeasible, ValueError) as reason:
            return InstanceResult(instance.id, Status.INFEASIBLE, feedback=str(reason), failure="infeasible")
        return InstanceResult(instance.id, Status.OK, outcome.score, dict(outcome.metrics), outcome.feedback)

    async def summarise(self, split: Split, results: Sequence[InstanceResult]) -> Summary:
        """As `Pool.summarise`."""
        return summary(self._evaluator, split, results)
