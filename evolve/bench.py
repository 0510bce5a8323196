"""Evaluating a few programs from code that has no event loop: for the claims about a problem."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from evolve.evaluator import Evaluator, Split
from evolve.picture import Picture
from evolve.registry import Problem
from evolve.scoring import InstanceResult, Status, Summary
from evolve.workers import Fresh, LocalWorkers
from evolve.workers.drawing import draw_instance
from evolve.workers.evaluation import evaluate_instance, summary
from sandbox import Limits, Sandbox


class Bench(Protocol):
    """Where the programs of the claims are evaluated."""

    def evaluate(
        self,
        problem: Problem,
        programs: Sequence[str],
        split: Split = Split.TRAIN,
        count: int = 1,
        *,
        data: Path | None = None,
        fresh: Fresh | None = None,
    ) -> list[InstanceResult]:
        """Evaluate programs on the first instances of a split, a data file or a fresh draw; results program by program.

        Each program stops at its first result that is not ok.
        """

    def summarise(self, problem: Problem, split: Split, results: Sequence[InstanceResult]) -> Summary:
        """Sum up a split."""

    def draw(self, problem: Problem, program: str) -> Picture | str:
        """Return a picture of a program on the first instance of train, or in a sentence why there is none."""


class InProcess:
    """Evaluates in this process: quick, and a verifier that never ends holds it up for ever.

    As a context manager it keeps the sandboxes that it opens, one for each problem's limits, until its end.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Limits, tuple[str, ...]], Sandbox] | None = None
        self._open = ExitStack()

    def __enter__(self) -> InProcess:
        self._kept = {}
        return self

    def __exit__(self, *_: object) -> None:
        self._kept = None
        self._open.close()

    @contextmanager
    def _sandbox(self, evaluator: Evaluator) -> Iterator[Sandbox]:
        key = evaluator.limits, tuple(evaluator.libraries)
        if self._kept is None:
            with Sandbox(*key) as sandbox:
                yield sandbox
            return
        if key not in self._kept:
            self._kept[key] = self._open.enter_context(Sandbox(*key))
        yield self._kept[key]

    def evaluate(
        self,
        problem: Problem,
        programs: Sequence[str],
        split: Split = Split.TRAIN,
        count: int = 1,
        *,
        data: Path | None = None,
        fresh: Fresh | None = None,
    ) -> list[InstanceResult]:
        """As `Bench.evaluate`."""
        evaluator, results = problem.evaluator, []
        if data is not None:
            instances = evaluator.load(data)
        elif fresh is not None:
            instances = evaluator.fresh(split, fresh.seed, fresh.count)
        else:
            instances = problem.instances(split)
        with self._sandbox(evaluator) as sandbox:
            for program in programs:
                for instance in instances[:count]:
                    results.append(evaluate_instance(evaluator, sandbox, program, instance))
                    if results[-1].status is not Status.OK:
                        break
        return results

    def summarise(self, problem: Problem, split: Split, results: Sequence[InstanceResult]) -> Summary:
        """As `Bench.summarise`."""
        return summary(problem.evaluator, split, results)

    def draw(self, problem: Problem, program: str) -> Picture | str:
        """As `Bench.draw`."""
        evaluator = problem.evaluator
        with self._sandbox(evaluator) as sandbox:
            return draw_instance(evaluator, sandbox, program, problem.instances(Split.TRAIN)[0])


class InWorkers:
    """Evaluates in worker processes, one for each set of instances, as a run does. A context manager.

    environment: of the workers, besides that of this process.
    """

    def __init__(self, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        self._environment = environment
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._pools: dict[tuple[str, Path | None], LocalWorkers] = {}

    def __enter__(self) -> InWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._open.aclose())
        self._runner.close()

    def evaluate(
        self,
        problem: Problem,
        programs: Sequence[str],
        split: Split = Split.TRAIN,
        count: int = 1,
        *,
        data: Path | None = None,
        fresh: Fresh | None = None,
    ) -> list[InstanceResult]:
        """As `Bench.evaluate`. Raises UsageError when the problem does not load in another process."""

        async def go() -> list[InstanceResult]:
            pool = await self._pool(problem, data)
            return [
                result
                for program in programs
                async for result in pool.evaluate(program, split, range(count), stop_at_failure=True, fresh=fresh)
            ]

        return self._runner.run(go())

    def summarise(self, problem: Problem, split: Split, results: Sequence[InstanceResult]) -> Summary:
        """As `Bench.summarise`."""

        async def go() -> Summary:
            return await (await self._pool(problem, None)).summarise(split, results)

        return self._runner.run(go())

    def draw(self, problem: Problem, program: str) -> Picture | str:
        """As `Bench.draw`."""

        async def go() -> Picture | str:
            return await (await self._pool(problem, None)).draw(program, Split.TRAIN, 0)

        return self._runner.run(go())

    def ids(self, problem: Problem, split: Split) -> tuple[str, ...]:
        """Return the ids of a split's instances, as a worker makes them."""

        async def go() -> tuple[str, ...]:
            return await (await self._pool(problem, None)).ids(split)

        return self._runner.run(go())

    def limit_s(self, problem: Problem) -> float:
        """Return after how many seconds an evaluation is ended."""

        async def go() -> float:
            return (await self._pool(problem, None)).limit_s

        return self._runner.run(go())

    async def _pool(self, problem: Problem, data: Path | None) -> LocalWorkers:
        key = (problem.ref, data)
        if key not in self._pools:
            options = problem.evaluator.options.model_dump(mode="json")
            pool = LocalWorkers(problem.ref, options, 1, data, environment=self._environment)
            self._pools[key] = await self._open.enter_async_context(pool)
        return self._pools[key]
