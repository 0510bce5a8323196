"""What scores 0 and 100 on a scene: the share of the unit square that a program covers.

Naive: 0, round robin's own pair is the corner. Reference: the bound of system.py, which need not be reached.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.edge_offloading.system import Scene, covered_bound, round_robin
from evaluators.kept_figures import digest_of
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
LEAST_BOUND = 0.2
"""A scene on which no more than this could be covered is drawn again."""


@dataclass(frozen=True)
class Figures:
    """naive, reference: shares of the unit square.  delay_s, energy_j: round robin's pair, the corner of it."""

    naive: float
    reference: float
    delay_s: float
    energy_j: float


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in scenes."""
    return read_reference(STORED, "scenes", Figures)


def digest(scene: Scene) -> str:
    """Return a hash of all that a scene is."""
    system = scene.system
    names = ("arrival_s", "bits", "cycles", "deadline_s", "rate_bps", "freq_hz", "kappa", "failed")
    return digest_of([getattr(system, name).tolist() for name in names])


_FOUND: dict[str, Figures] = {}
"""Figures found in this process, by digest: an id says which scene was meant, not which draw or file of it."""


def figures_of(scene: Scene) -> Figures:
    """Return the figures of a scene: kept ones where there are, else found now."""
    kept = stored().figures.get(scene.id)
    if kept is not None:
        return kept
    key = digest(scene)
    if key not in _FOUND:
        _FOUND[key] = compute(scene)
    return _FOUND[key]


def tells_apart(_: Scene, found: Figures) -> bool:
    """Return whether a drawn scene tells programs apart: it is drawn again where it does not."""
    return found.reference >= LEAST_BOUND


def compute(scene: Scene) -> Figures:
    """Find the figures of a scene."""
    corner = round_robin(scene.system)
    unit = (corner.delay_s, corner.energy_j)
    return Figures(0.0, covered_bound(scene.system, unit), *unit)
