"""What other packages add, found by entry points: who gives what, and whether it loads (`evolve list --plugins`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import EntryPoint

from evolve import entry_points
from evolve.search.strategies import OWN
from evolve.workers.engines import BUILT_IN

GROUPS = {
    "evaluator": "evolve.evaluators",
    "strategy": "evolve.strategies",
    "mutator": "evolve.mutators",
    "engine": "evolve.engines",
}
"""The kinds of plug-ins -> the group of their entry points."""
OURS = {"strategy": [*OWN], "mutator": ["builtin"], "engine": [*BUILT_IN]}
"""Names that evolve has itself, besides its evaluators, which are entry points as any other's are."""


@dataclass(frozen=True)
class Plugin:
    """One plug-in. package: name and version of who gives it.  error: why it cannot be used, one line, else empty."""

    kind: str
    name: str
    package: str
    value: str
    error: str = ""


def list_plugins() -> list[Plugin]:
    """Return every plug-in that is installed, each loaded to see whether it can be; ours too."""
    found = []
    for kind, group in GROUPS.items():
        points = sorted(entry_points.installed(group), key=lambda point: (point.name, point.value))
        taken = Counter([*(point.name for point in points), *OURS.get(kind, ())])
        found += [_plugin(kind, point, [p for p in points if p.name == point.name], taken) for point in points]
    return found


def _plugin(kind: str, point: EntryPoint, same: list[EntryPoint], taken: Counter[str]) -> Plugin:
    error = _trouble(point)
    if taken[point.name] > 1:
        others = [giver(one) for one in same if one is not point] or ["evolve itself"]
        error = f"the name is taken twice, also by {', '.join(others)}: uninstall one"
    return Plugin(kind, point.name, giver(point), point.value, error)


def giver(point: EntryPoint) -> str:
    """Return name and version of the package that an entry point is of."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value


def _trouble(point: EntryPoint) -> str:
    try:
        point.load()
    except BaseException as error:  # foreign code, sys.exit too: whatever it raises is its author's message
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"does not load ({' '.join(f'{type(error).__name__}: {error}'.split())[:300]})"
    return ""
