"""What a person did wrong, said in one line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class UsageError(Exception):
    """Bad input from a person: config, plug-in, data file, run folder. Printed as one line, exit code 2.

    The text names the thing, the value seen, what was expected and what to do next.
    """


def pick(kind: str, wanted: str, known: Mapping[str, T]) -> T:
    """Return known[wanted]. Raises UsageError that lists the known names and the nearest one."""
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise UsageError(f"{kind} '{wanted}' is unknown. {hint}Known: {', '.join(sorted(known)) or 'none'}.")


def only_one(kind: str, name: str, givers: Sequence[str], is_ours: bool = False) -> None:
    """Raises UsageError that names both when a name is given by two packages, or by one and by evolve itself."""
    both = [*(["evolve itself"] if is_ours else []), *givers]
    if len(both) > 1:
        raise UsageError(
            f"{kind} '{name}' is given by {' and by '.join(both)}: uninstall one (see: evolve list --plugins)."
        )
