"""What scores 0 and 100 on a day, half MB-minutes.

Naive: every instance is kept for 10 minutes. Reference: the optimum of those that start nothing before it is called
(functions.py); who pre-warms can pass it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.kept_figures import far_apart
from evaluators.reference_file import Stored, read_reference
from evaluators.serverless_autoscaling.functions import (
    Day,
    bill,
    digest,
    kept_warm,
    optimum_without_prewarming,
)

STORED = Path(__file__).with_name("reference.json")
KEPT_MIN = 10
"""Minutes for which the naive policy keeps an instance, as is industry practice (Shahrad et al. 2020)."""


@dataclass(frozen=True)
class Figures:
    """Half MB-minutes."""

    naive: int
    reference: int


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in days."""
    return read_reference(STORED, "days", Figures)


_FOUND: dict[str, Figures] = {}
"""Figures found in this process, by digest: an id says which day was meant, not which draw or file of it."""


def figures_of(day: Day) -> Figures:
    """Return the figures of a day: kept ones where there are, else found now."""
    kept = stored().figures.get(day.id)
    if kept is not None:
        return kept
    key = digest(day)
    if key not in _FOUND:
        _FOUND[key] = stored().with_digest(key) or compute(day)
    return _FOUND[key]


def tells_apart(_: Day, found: Figures) -> bool:
    """Return whether a drawn day tells programs apart: it is drawn again where it does not."""
    return far_apart(found.naive, found.reference)


def compute(day: Day) -> Figures:
    """Find the figures of a day."""
    functions = day.functions
    naive = bill(functions, kept_warm(functions, KEPT_MIN)).total
    return Figures(naive, int(optimum_without_prewarming(functions).sum()))
