"""What scores 0 and 100 on a case: mean test losses over its runs.

Naive: a constant rate, batches of 16, data in proportion to the sizes of the sources. Reference: the best of the named
schedules, tuned on the case in hindsight (tuning.py); it is no bound, and a program can pass it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.kept_figures import computed_once, far_apart
from evaluators.reference_file import Stored, read_reference
from evaluators.training_schedule.tuning import best_named, naive_loss
from evaluators.training_schedule.workload import Case, Mode, digest

STORED = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Figures:
    """naive, reference: losses, nats.  best: the schedule of the reference, and its peak in hints."""

    naive: float
    reference: float
    best: str


def file_of(mode: Mode) -> Path:
    """Return where the figures of a mode's built-in cases are kept."""
    return STORED if mode == "rate" else STORED.with_name(f"reference_{mode}.json")


@functools.cache
def stored(mode: Mode = "rate") -> Stored[Figures]:
    """Return the figures of the built-in cases of a mode."""
    return read_reference(file_of(mode), "cases", Figures)


def figures_of(case: Case) -> Figures:
    """Return the figures of a case: kept ones where there are, else found now or in an earlier process."""
    kept = stored(case.mode).figures.get(case.id)
    return kept if kept is not None else _found(case)


@functools.lru_cache(maxsize=256)
def _found(case: Case) -> Figures:
    return computed_once("training_schedule", digest(case), Figures, case.id, lambda: compute(case))


def tells_apart(_: Case, found: Figures) -> bool:
    """Return whether a drawn case tells programs apart: it is drawn again where it does not."""
    return far_apart(found.naive, found.reference)


def compute(case: Case) -> Figures:
    """Find the figures of a case."""
    best, reference = best_named(case)
    return Figures(naive_loss(case), reference, best)
