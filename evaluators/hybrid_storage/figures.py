"""What scores 0 and 100 on a trace: sums of latencies, ns.

Naive: everything on the slowest device. Reference: who knows all requests and moves pages at no cost (traces.py).
fast_only: everything on the fastest device, which no policy may do.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.hybrid_storage.traces import Trace, digest, on_one, with_foresight
from evaluators.kept_figures import far_apart
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Figures:
    """Sums of latencies, ns."""

    naive: int
    reference: int
    fast_only: int


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in traces."""
    return read_reference(STORED, "traces", Figures)


_FOUND: dict[str, Figures] = {}
"""Figures found in this process, by digest: an id says which trace was meant, not which draw or file of it."""


def figures_of(trace: Trace) -> Figures:
    """Return the figures of a trace: kept ones where there are, else found now."""
    kept = stored().figures.get(trace.id)
    if kept is not None:
        return kept
    key = digest(trace)
    if key not in _FOUND:
        _FOUND[key] = stored().with_digest(key) or compute(trace)
    return _FOUND[key]


def tells_apart(_: Trace, found: Figures) -> bool:
    """Return whether a drawn trace tells programs apart: it is drawn again where it does not."""
    return far_apart(found.naive, found.reference)


def compute(trace: Trace) -> Figures:
    """Find the figures of a trace."""
    return Figures(on_one(trace, -1), with_foresight(trace), on_one(trace, 0))
