"""What other packages give by entry points: who gives a name, and what it loads."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Collection
from importlib.metadata import EntryPoint
from typing import Any

from evolve.errors import UsageError, only_one, pick


@functools.cache
def installed(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group, read once a process: it takes the metadata of every installed package."""
    return tuple(importlib.metadata.entry_points(group=group))


def find(kind: str, name: str, group: str, ours: Collection[str]) -> EntryPoint | None:
    """Return who gives a name, None when it is one of ours.

    kind: what the name is of, for the message.  ours: names that evolve has itself.
    Raises UsageError for a name that nobody gives, or that two give.
    """
    points = installed(group)
    pick(kind, name, {known: known for known in (*(point.name for point in points), *ours)})
    only_one(kind, name, [point.value for point in points if point.name == name], name in ours)
    return None if name in ours else next(point for point in points if point.name == name)


def load(kind: str, point: EntryPoint) -> Any:
    """Return what an entry point stands for. Raises UsageError, one line, when it does not load."""
    try:
        return point.load()
    except Exception as error:  # foreign code: whatever it raises is its author's message
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(
            f"{kind} {point.name}: {point.value} does not load ({reason}). Try: python -c 'import {point.module}'"
        ) from None
