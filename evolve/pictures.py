"""Pictures of programs on an instance, made in the same workers and sandbox as scores are."""

from __future__ import annotations

from collections.abc import Mapping

from evolve.config import RunConfig
from evolve.errors import UsageError, pick
from evolve.evaluator import Evaluator, Split
from evolve.picture import Picture
from evolve.registry import Problem
from evolve.workers import LocalWorkers


def draws(problem: Problem) -> bool:
    """Return whether a problem offers pictures."""
    return type(problem.evaluator).picture is not Evaluator.picture


def find_instance(problem: Problem, id: str | None) -> tuple[Split, int]:
    """Return the split and the place of an instance; the first of train where none is named.

    Raises UsageError that names the nearest ones when there is no such instance.
    """
    if id is None:
        return Split.TRAIN, 0
    known = {
        instance.id: (split, index)
        for split in problem.evaluator.splits
        for index, instance in enumerate(problem.instances(split))
    }
    if id not in known:
        shown = ", ".join(list(known)[:6])
        raise UsageError(f"{problem.evaluator.name} has no instance {id!r}. It has {len(known)}: {shown}, ...")
    return pick("instance", id, known)


async def draw_pictures(
    problem: Problem, config: RunConfig, programs: Mapping[str, str], split: Split, index: int
) -> dict[str, Picture | str]:
    """Return a picture of each program, name -> source, on an instance, or in a sentence why there is none.

    config: its options of the evaluator and isolation are used.  Raises UsageError where the problem draws none.
    """
    if not draws(problem):
        raise UsageError(f"{problem.evaluator.name} draws no pictures: its evaluator has no method `picture`.")
    workers = LocalWorkers(problem.ref, config.evaluator, 1, None, config.require_isolation)
    async with workers as pool:
        return {name: await pool.draw(source, split, index) for name, source in programs.items()}
