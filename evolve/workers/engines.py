"""Which engine evaluates: the one that the configuration names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from evolve import entry_points
from evolve.workers.local import LocalWorkers
from evolve.workers.pool import Pool

if TYPE_CHECKING:  # a worker process needs no configuration, and it takes half a second to import
    from evolve.config import RunConfig

GROUP = "evolve.engines"
"""The entry points of engines that are installed besides ours: name -> a function as `make_pool`'s values."""

Engine: TypeAlias = "Callable[[RunConfig, Path | None], Pool]"


def _local(config: RunConfig, data: Path | None) -> Pool:
    return LocalWorkers(config.problem, config.evaluator, config.workers, data, config.require_isolation)


def _ray(config: RunConfig, data: Path | None) -> Pool:
    from evolve.workers.ray_engine import make

    return make(config, data)


def _slurm(config: RunConfig, data: Path | None) -> Pool:
    from evolve.workers.slurm_engine import make

    return make(config, data)


BUILT_IN: dict[str, Engine] = {"local": _local, "ray": _ray, "slurm": _slurm}


def make_pool(config: RunConfig, data: Path | None = None) -> Pool:
    """Return the pool of the engine that the configuration names, not yet entered.

    config: its `problem` is the reference that every process finds the problem by (`Problem.ref`).
    data: a file or folder in the problem's public format, whose instances then stand for every split.
    Raises UsageError for an engine that is not known, or does not load.
    """
    point = entry_points.find("engine", config.engine, GROUP, BUILT_IN)
    engine: Engine = BUILT_IN[config.engine] if point is None else entry_points.load("engine", point)
    return engine(config, data)
