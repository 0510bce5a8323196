"""Which engine evaluates: the one that the configuration names."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from evolve.config import RunConfig
from evolve.errors import UsageError, only_one, pick
from evolve.workers.local import LocalWorkers
from evolve.workers.pool import Pool

GROUP = "evolve.engines"
"""The entry points of engines that are installed besides ours: name -> a function as `make_pool`'s values."""

Engine = Callable[[RunConfig, Path | None], Pool]


def _local(config: RunConfig, data: Path | None) -> Pool:
    return LocalWorkers(config.problem, config.evaluator, config.workers, data, config.require_isolation)


BUILT_IN: dict[str, Engine] = {"local": _local}


def make_pool(config: RunConfig, data: Path | None = None) -> Pool:
    """Return the pool of the engine that the configuration names, not yet entered.

    config: its `problem` is the reference that every process finds the problem by (`Problem.ref`).
    data: a file or folder in the problem's public format, whose instances then stand for every split.
    Raises UsageError for an engine that is not known, or does not load.
    """
    points = list(entry_points(group=GROUP))
    installed = {point.name: point for point in points}
    name = pick("engine", config.engine, {name: name for name in (*installed, *BUILT_IN)})
    only_one("engine", name, [point.value for point in points if point.name == name], name in BUILT_IN)
    if name in BUILT_IN:
        return BUILT_IN[name](config, data)
    try:
        engine: Engine = installed[name].load()
    except Exception as error:  # foreign code: whatever it raises is its author's message
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"engine {name}: {installed[name].value} does not load ({reason}).") from None
    return engine(config, data)
