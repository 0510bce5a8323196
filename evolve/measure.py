"""Scoring programs outside a run: the same workers, sandbox and verifier, nothing recorded."""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from evolve.config import RunConfig
from evolve.data_files import load_instances
from evolve.evaluator import Split
from evolve.foreign import blamed, folder_of
from evolve.registry import Problem
from evolve.scoring import SplitScore
from evolve.workers import Fresh, Pool, evaluate_spread, make_pool, split_score


@dataclass(frozen=True)
class Spread:
    """How repeated measurements of one figure are spread."""

    median: float
    lower_quartile: float
    upper_quartile: float


@dataclass(frozen=True)
class Measured:
    """A program on a split, evaluated several times.

    Attributes:
        scores: one per repetition.
        wall_s: seconds that each repetition took, all workers together.
    """

    name: str
    scores: tuple[SplitScore, ...]
    wall_s: tuple[float, ...]

    @property
    def middle(self) -> int:
        """Which repetition has the (lower) median CPU time: the one to quote."""
        order = sorted(range(len(self.scores)), key=lambda i: (self.scores[i].cpu_s, i))
        return order[(len(order) - 1) // 2]

    @property
    def score(self) -> SplitScore:
        """The repetition to quote; one that failed goes before all others."""
        failed = [s for s in self.scores if s.score is None]
        return failed[0] if failed else self.scores[self.middle]

    def cpu_spread_s(self) -> Spread:
        """Return the spread of CPU seconds over the repetitions."""
        return spread([s.cpu_s for s in self.scores])

    def score_spread(self) -> Spread | None:
        """Return the spread of the score; None when a repetition has none."""
        scores = [s.score for s in self.scores if s.score is not None]
        return spread(scores) if len(scores) == len(self.scores) else None


def spread(values: list[float]) -> Spread:
    """Return median and quartiles; values: at least one."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, lower, upper)


@asynccontextmanager
async def opened(
    problem: Problem,
    config: RunConfig,
    data: Path | None = None,
    announce: Callable[[str, bool], None] = lambda text, lasting: None,
) -> AsyncIterator[Pool]:
    """Open the workers of a configuration for a problem and announce their notices. Arguments: of `measure`."""
    async with make_pool(config.model_copy(update={"problem": problem.ref}), data) as pool:
        for notice in pool.notices:
            announce(notice, True)
        yield pool


async def measure(
    problem: Problem,
    config: RunConfig,
    programs: Mapping[str, str],
    split: Split,
    data: Path | None = None,
    repeats: int = 1,
    announce: Callable[[str, bool], None] = lambda text, lasting: None,
    fresh: Fresh | None = None,
    pool: Pool | None = None,
) -> list[Measured]:
    """Evaluate programs, name -> source, on every instance of a split, or of a data file, spread over the workers.

    config: its engine, workers, options of the evaluator and isolation are used.
    fresh: instances drawn afresh, in the place of the split's own.
    announce: told what is going on, one line each time; lasting: a person should see it afterwards too.
    pool: of `opened`, for who measures several times; it is left open.
    Raises UsageError when the problem has no such split or cannot read the file.
    """
    evaluator, who = problem.evaluator, problem.evaluator.name
    if fresh is not None:
        announce(f"drawing {fresh.count} fresh instances like those of {split}", False)
        # Here first: what their scores depend on is then in the user's cache, and no two workers compute it.
        with blamed(who, f"{who}: fresh(...) fails", folder_of(evaluator), is_cheap=False):
            instances = evaluator.fresh(split, fresh.seed, fresh.count)
    elif data is not None:
        with blamed(who, f"{who}: load({str(data)!r}) fails", folder_of(evaluator), is_cheap=False):
            instances = load_instances(evaluator, data)
    else:
        instances = problem.instances(split)
    which = f"instances of {split}" if fresh is None else f"fresh instances like those of {split}"
    measured = []
    async with opened(problem, config, data, announce) if pool is None else nullcontext(pool) as workers:
        for name, source in programs.items():
            scores, walls = [], []
            for repeat in range(repeats):
                again = f", {repeat + 1} of {repeats}" if repeats > 1 else ""
                announce(f"{name} on {len(instances)} {which}{again}", False)
                began = time.monotonic()
                results = await evaluate_spread(workers, source, split, len(instances), fresh=fresh)
                walls.append(time.monotonic() - began)
                scores.append(await split_score(workers, split, results, len(instances)))
            measured.append(Measured(name, tuple(scores), tuple(walls)))
    return measured
