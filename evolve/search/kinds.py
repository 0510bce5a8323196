"""How often each kind of change is asked for: before there is evidence, or as a person has fixed it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from evolve.errors import UsageError
from evolve.mutate.mutation import Kind

__all__ = ["PREFERENCE", "fixed_mix"]

PREFERENCE: Mapping[str, float] = {
    Kind.EDIT: 2.0,
    Kind.REWRITE: 1.0,
    Kind.CROSSOVER: 1.0,
    Kind.EXPLORE: 1.0,
    Kind.SIMPLIFY: 0.5,
    Kind.REPAIR: 1.0,
}
"""Kinds before there is evidence: edits are the cheapest, the same with less is worth a try now and then."""


def fixed_mix(text: str) -> dict[str, float]:
    """Return the weights that `mutation.mix` fixes, empty when a bandit chooses. Raises UsageError."""
    mix: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, weighs = part.partition("=")
        known = [*PREFERENCE]
        if name.strip() not in known:
            near = difflib.get_close_matches(name.strip(), known, n=1)
            hint = f"Did you mean '{near[0]}'? " if near else ""
            raise UsageError(f"--mutation {text}: kind '{name.strip()}' is unknown. {hint}Known: {', '.join(known)}.")
        try:
            weight = float(weighs) if weighs else 1.0
        except ValueError:
            weight = -1.0
        if not 0 < weight < float("inf"):
            raise UsageError(f"--mutation {text}: '{part}': expected kind=weight, such as edit=3.")
        mix[Kind(name.strip())] = weight
    return mix
