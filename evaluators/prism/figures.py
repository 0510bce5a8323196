"""The two figures that a score depends on, per case: the highest pressure of the naive and of the reference placement.

Naive: `baselines/round_robin.py`. Reference: `baselines/packing_search.py`, which looks at a fixed number of packings
and reads no clock, so the figure is the same on every machine. Those of the built-in cases are kept in reference.json,
which `python -m evaluators.prism.reference` writes; those of a user's file are found when they are first needed, 5 ms
a case of the public size and 0.2 s one of 300 models, and kept for as long as the process lives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from evaluators.kept_figures import differ, digest_of, digest_of_files, far_apart
from evaluators.prism.baselines import packing_search, round_robin
from evaluators.prism.pressure import GPU_GB, Model, loaded, pressure_bound
from evaluators.prism.workload import Case
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
PROGRAMS = tuple(Path(__file__).parent / "baselines" / name for name in ("round_robin.py", "packing_search.py"))

Place: TypeAlias = Callable[[int, Sequence[Model]], list[int]]
_NAIVE: Place = round_robin.place
_REFERENCE: Place = packing_search.place


@dataclass(frozen=True)
class Figures:
    """Highest pressures, (requests/s)/s per GB; None when the program found no placement that fits the memory.

    reference_did: how even the reference's placement is, for the feedback.
    """

    naive: float | None
    reference: float | None
    reference_did: str = ""

    @property
    def tells(self) -> bool:
        """Return whether the case can be scored: both fit, and they differ enough."""
        return self.naive is not None and self.reference is not None and differ(self.naive, self.reference)


MOST_NAIVE = 6.0
"""A case is redrawn when naive is at more than so many times the bound: it has all but filled some GPU, and then any
other placement looks as good as the reference."""
LEAST_OVER_HOTTEST = 1.001
"""A case is redrawn when the reference is at less than so many times the pressure of the hottest model on a GPU of its
own: nothing is left to decide."""


def tells(case: Case, found: Figures) -> bool:
    """Return whether a drawn case tells programs apart."""
    if found.naive is None or found.reference is None or not far_apart(found.naive, found.reference):
        return False
    hottest = max(m.rate / m.slo / (GPU_GB - m.size_gb) for m in case.models)
    return (
        found.naive <= MOST_NAIVE * pressure_bound(case.models, case.num_gpus)
        and found.reference >= LEAST_OVER_HOTTEST * hottest
    )


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in cases."""
    return read_reference(STORED, "cases", Figures)


def digest(case: Case) -> str:
    """Return a hash of the case that its figures are computed from."""
    facts = (case.num_gpus, [(float(m.size_gb), float(m.rate), float(m.slo)) for m in case.models])
    return digest_of(facts)


def programs_digest() -> str:
    """Return a hash of the naive and the reference program."""
    return digest_of_files(PROGRAMS)


def figures_of(case: Case) -> Figures:
    """Return the figures of a case: kept ones where there are, else found now."""
    kept = stored().figures.get(case.id)
    return kept if kept is not None else _of_file(case)


@functools.lru_cache(maxsize=4096)
def _of_file(case: Case) -> Figures:
    kept = stored().with_digest(digest(case))
    return kept if kept is not None else compute(case)


def compute(case: Case) -> Figures:
    """Find the figures of a case."""
    naive, reference = _pressures(case, _NAIVE), _pressures(case, _REFERENCE)
    did = "" if reference is None else f", its GPUs from {min(reference):.5g}"
    return Figures(None if naive is None else max(naive), None if reference is None else max(reference), did)


def _pressures(case: Case, place: Place) -> list[float] | None:
    """Return the pressure of every GPU, None where the memory does not suffice."""
    gpus = loaded(case.models, place(case.num_gpus, case.models), case.num_gpus)
    return None if any(gpu.used_gb > GPU_GB for gpu in gpus) else [gpu.pressure for gpu in gpus]
