"""The strategies that there are, by name: those that come with evolve, and installed ones."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

from evolve import entry_points
from evolve.errors import UsageError
from evolve.search.strategy import Strategy

GROUP = "evolve.strategies"
"""The entry points through which strategies of other packages are found."""
OWN = {
    "adaptive": "evolve.search.adaptive:Adaptive",
    "climbing": "evolve.search.plain:Climbing",
    "islands": "evolve.search.islands:Islands",
    "map_elites": "evolve.search.map_elites:MapElites",
    "pareto": "evolve.search.pareto:Pareto",
    "portfolio": "evolve.search.portfolio:Portfolio",
    "sampling": "evolve.search.plain:Sampling",
    "sequential": "evolve.search.plain:Sequential",
}
DEFAULT = "portfolio"
"""Ahead of the others, or level with who is, in the table of `evolve/contest/README.md`."""


def known_strategies() -> dict[str, EntryPoint]:
    """Return every strategy by name, none of them imported yet."""
    own = {name: EntryPoint(name, value, GROUP) for name, value in OWN.items()}
    return {point.name: point for point in entry_points.installed(GROUP)} | own


def strategy_class(name: str) -> type[Strategy]:
    """Return the strategy of a name. Raises UsageError when there is none, or it cannot be imported."""
    point = entry_points.find("search.strategy", name, GROUP, OWN) or known_strategies()[name]
    cls = entry_points.load("search.strategy", point)
    if not (isinstance(cls, type) and issubclass(cls, Strategy)):
        raise UsageError(f"search.strategy {name}: {point.value} is no subclass of evolve.search.Strategy.")
    return cls


def make_strategy(name: str, options: Mapping[str, Any]) -> Strategy:
    """Return a strategy with its options, which are checked already. Raises UsageError as `strategy_class` does."""
    cls = strategy_class(name)
    return cls(cls.Options.model_validate(dict(options)))
