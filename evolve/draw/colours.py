"""The colours of kinds and shades: told apart by people who see colours otherwise, too.

Source of the hues: Okabe and Ito 2008, "Color Universal Design". Each has a second one for a dark page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

HUES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8c6bb1", "#7f7f7f")
MEANT = {
    "none": 7,
    "waiting": 7,
    "idle": 7,
    "free": 7,
    "spot": 2,
    "on demand": 1,
    "late": 1,
    "hit": 2,
    "miss": 1,
    "before": 7,
    "after": 0,
    "seed": 7,
    "best": 0,
    "baseline": 4,
}
"""What some words look like wherever they come up."""


def places(kinds: Sequence[str], fixed: Mapping[str, int] = MappingProxyType({})) -> dict[str, int]:
    """Return which hue each kind has: the fixed one, or that of its meaning, or else the next that is free."""
    found = {kind: fixed[kind] for kind in kinds if kind in fixed}
    found |= {kind: MEANT[kind.lower()] for kind in kinds if kind not in found and kind.lower() in MEANT}
    free = [place for place in range(len(HUES)) if place not in found.values()] or list(range(len(HUES)))
    rest = [kind for kind in kinds if kind not in found]
    return found | {kind: free[number % len(free)] for number, kind in enumerate(rest)}


def places_of_all(panels: Sequence[Sequence[str]]) -> list[dict[str, int]]:
    """Return which hue each kind has in each panel of a picture: one that comes up in several has the same in all."""
    count = Counter(kind for kinds in panels for kind in dict.fromkeys(kinds))
    shared = places([kind for kind, times in count.items() if times > 1 or kind.lower() in MEANT])
    found = [places(kinds, shared) for kinds in panels]
    return [{kind: hues[kind] for kind in kinds} for kinds, hues in zip(panels, found, strict=True)]
