"""What scores 0 and 100 on an instance: costs, ticks.

Naive: `baselines/edd.py`. Reference: of the OR-Library's jobs the optimum or best known cost; of our own unweighted
ones the optimum (`optimum.py`); of the others the best order that a long search finds: `online` jobs by
a search that knows what will come (`clairvoyant.py`), the rest by `baselines/iterated_dynasearch.py` with many more
kicks than a program has time for. Figures of the built-in instances are kept in reference.json and its likes, a file
per kind, written by `python -m evaluators.single_machine_tardiness.reference`; those of a user's jobs and of fresh ones
are found when they are first needed, with a quarter of that effort, about 1 s.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from evaluators.kept_figures import computed_once, differ, digest_of_files
from evaluators.reference_file import Stored, read_reference
from evaluators.single_machine_tardiness import clairvoyant, optimum
from evaluators.single_machine_tardiness.baselines import atc, edd, iterated_dynasearch, mdd, wmdd, wspt
from evaluators.single_machine_tardiness.jobs import (
    Jobs,
    Kind,
    Present,
    Schedule,
    arrivals_of,
    costs,
    digest,
    dispatch,
    in_order,
    shown,
)

STORED = Path(__file__).with_name("reference.json")
RULES: tuple[ModuleType, ...] = (edd, mdd, wspt, wmdd, atc)
PROGRAMS = tuple(Path(str(module.__file__)) for module in (*RULES, iterated_dynasearch, optimum, clairvoyant))

KEPT_EFFORT = 4
"""How many times as long a search the kept figures are worth as those that are found on first use."""
KICK_WORK = 1_000_000
"""Kicks of iterated dynasearch times the square of the number of jobs, at effort 1."""
MOST_KICKS = 625
SOLVED_JOBS = 200
KEPT_SOLVED_JOBS = 300
"""How many unweighted jobs are solved exactly on first use, and for the kept figures."""

LEAST_GAP = 0.05
LEAST_ROOM = 0.03
"""An own instance is redrawn when naive and reference differ by less than this share of naive, or the best rule of the
textbook is nearer to the reference than this share of their difference: all good programs would agree on it."""
LEAST_TICKS = 2
"""Nor is the reference less than so many ticks per job: where next to nothing is late, a few ticks would be a score."""


@dataclass(frozen=True)
class Figures:
    """Costs, ticks. mdd: of the modified due date rule.  best_rule: the least that a rule of the textbook pays.

    proved: whether no order is better than the reference.
    """

    naive: int
    reference: int
    mdd: int
    best_rule: int
    proved: bool = False

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the instance to have a score."""
        return differ(self.naive, self.reference)


def worth_drawing(jobs: Jobs, found: Figures) -> bool:
    """Return whether an own instance tells good programs apart, too."""
    return LEAST_TICKS * len(jobs.processing) <= found.reference <= (
        1 - LEAST_GAP
    ) * found.naive and found.best_rule - found.reference >= LEAST_ROOM * (found.naive - found.reference)


def file_of(kind: Kind) -> Path:
    """Return where the figures of a kind's built-in instances are kept."""
    return STORED if kind == "weighted" else STORED.with_name(f"reference_{kind}.json")


@functools.cache
def stored(kind: Kind = "weighted") -> Stored[Figures]:
    """Return the figures of the built-in instances of a kind."""
    return read_reference(file_of(kind), "instances", Figures)


def programs_digest() -> str:
    """Return a hash of the programs that the figures are computed by."""
    return digest_of_files(PROGRAMS)


def figures_of(jobs: Jobs, kind: Kind = "weighted") -> Figures:
    """Return the figures of an instance: kept ones where there are, else found now."""
    kept = stored(kind).figures.get(jobs.id)
    return kept if kept is not None else _found(jobs, kind)


@functools.lru_cache(maxsize=4096)
def _found(jobs: Jobs, kind: Kind) -> Figures:
    key = digest(jobs)
    kept = stored(kind).with_digest(key)
    if kept is not None:
        return kept
    return computed_once(
        "single_machine_tardiness", f"{key}-{programs_digest()}", Figures, jobs.id, lambda: compute(jobs)
    )


def compute(jobs: Jobs, effort: int = 1) -> Figures:
    """Find the figures of an instance."""
    seen = shown(jobs)
    schedules = {rule.__name__.rpartition(".")[2]: done_by(seen, rule) for rule in RULES}
    paid = {name: sum(costs(seen, schedule)) for name, schedule in schedules.items()}

    def figures(reference: int, proved: bool) -> Figures:
        # Of all that were found, the best: a rule may beat a search.
        return Figures(paid["edd"], min(reference, *paid.values()), paid["mdd"], min(paid.values()), proved)

    if jobs.best_known is not None:
        return Figures(paid["edd"], jobs.best_known, paid["mdd"], min(paid.values()), jobs.best_is_optimum)
    if jobs.online:
        order = clairvoyant.searched(seen, [schedule.order for schedule in schedules.values()], effort)
        return figures(sum(costs(seen, in_order(seen, order))), False)
    n = len(jobs.processing)
    if jobs.unweighted and n <= (SOLVED_JOBS if effort == 1 else KEPT_SOLVED_JOBS):
        return figures(optimum.least_tardiness(jobs.processing, jobs.due), True)
    best = min(schedules, key=lambda name: paid[name])
    arrays = columns(seen)
    order = iterated_dynasearch.improved(
        *arrays, np.array(schedules[best].order), 0, effort * min(MOST_KICKS, KICK_WORK // n**2)
    )
    return figures(sum(costs(seen, in_order(seen, order.tolist()))), False)


def columns(jobs: Jobs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return processing, due and weight of the jobs, (n,) int64 each."""
    processing, due, weight = (np.array(c, dtype=np.int64) for c in (jobs.processing, jobs.due, jobs.weight))
    return processing, due, weight


def done_by(jobs: Jobs, program: ModuleType) -> Schedule:
    """Do the jobs as a program of ours says, run in this process: only its cost is asked for, not a score."""
    if not jobs.online:
        return in_order(jobs, program.sequence(*columns(jobs)))
    pick: Callable[[Present], Any] = program.Policy(arrivals_of(jobs)).pick
    return dispatch(jobs, pick)
