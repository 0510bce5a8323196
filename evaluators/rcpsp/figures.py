"""What scores 0 and 100 on a project.

`makespan`, ticks. Naive: tasks in the order of their numbers, serial scheme. Reference: of PSPLIB's projects the best
known makespan; of our own what CP-SAT makes in some seconds of the reference program's answer, kept in reference.json;
of a user's own files what the reference program (`baselines/sampled_lft_justified.py`) finds.

`feasible`: how many rules a schedule breaks. Naive: as above, at least 1. Reference: 0, by the schedule that the
project was built around.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.kept_figures import digest_of, digest_of_files
from evaluators.rcpsp.baselines import sampled_lft_justified
from evaluators.rcpsp.decoding import serial
from evaluators.rcpsp.project import Project, ProjectInstance, horizon_ticks, makespan_ticks
from evaluators.rcpsp.rules import breaches
from evaluators.rcpsp.workload import Kind
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
STORED_FEASIBLE = Path(__file__).with_name("reference_feasible.json")
LEAST_GAP = 0.05
"""An own project is redrawn when naive and reference differ by less than this share of naive."""


@dataclass(frozen=True)
class Figures:
    """Makespans, ticks, or numbers of broken rules. proved: whether no schedule is better than the reference."""

    naive: int
    reference: int
    proved: bool = False


@functools.cache
def stored(kind: Kind = "makespan") -> Stored[Figures]:
    """Return the figures of our own projects of a kind."""
    return read_reference(STORED if kind == "makespan" else STORED_FEASIBLE, "projects", Figures)


def digest(instance: ProjectInstance) -> str:
    """Return a hash of the project that its figures are computed from."""
    project = instance.project
    return digest_of([getattr(project, name) for name in project.__struct_fields__])


def programs_digest() -> str:
    """Return a hash of the reference program."""
    return digest_of_files((Path(sampled_lft_justified.__file__),))


def figures_of(instance: ProjectInstance) -> Figures:
    """Return the figures of a project: kept ones where there are, else found now."""
    kept = stored("feasible" if instance.feasible else "makespan").figures.get(instance.id)
    if kept is not None:
        return kept
    if instance.best_known is not None:
        proved = instance.best_known == instance.lower_bound
        return Figures(naive_ticks(instance.project), instance.best_known, proved)
    return _found(instance)


def tells_apart(instance: ProjectInstance, found: Figures) -> bool:
    """Return whether a drawn project tells programs apart: it is drawn again where it does not."""
    least = 1 if instance.feasible else LEAST_GAP * found.naive
    return found.naive - found.reference >= least


_FOUND: dict[str, Figures] = {}
"""Figures found in this process by digest: an id says which project was meant, not which draw or file of it."""


def _found(instance: ProjectInstance) -> Figures:
    key = f"{digest(instance)}-{instance.feasible}"
    if key not in _FOUND:
        _FOUND[key] = stored().with_digest(digest(instance)) or compute(instance)
    return _FOUND[key]


def compute(instance: ProjectInstance) -> Figures:
    """Find the figures of a project without a solver."""
    project = instance.project
    if instance.feasible:
        naive = serial(project, range(project.tasks), instance.horizon)
        return Figures(sum(1 for _ in breaches(project, naive)), 0, proved=True)
    _, starts = sampled_lft_justified.schedule(project)
    return Figures(naive_ticks(project), makespan_ticks(project, starts))


def naive_ticks(project: Project) -> int:
    """Return the makespan of the tasks in the order of their numbers, serial scheme."""
    return makespan_ticks(project, serial(project, range(project.tasks), horizon_ticks(project)))
