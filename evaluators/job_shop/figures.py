"""What scores 0 and 100 on a shop: makespans, or mean weighted tardiness (kind dynamic), ticks.

Naive: `baselines/fifo.py`. Reference, of a public shop: the best makespan known; kind blocking: what CP-SAT finds in
60 s. Of our own, of fresh ones and of a user's files: what a search makes of the best rule's schedule (`annealing.py`,
kind blocking `hindsight.py`), which is no bound; kind dynamic: the best of the rules, another one from shop to shop.
Those of the built-in shops are kept in reference.json and its likes, a file per kind.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from evaluators.job_shop import annealing, hindsight
from evaluators.job_shop.baselines import (
    atc,
    covert,
    edd,
    fdd_mwkr,
    fifo,
    lwkr,
    mopnr,
    mwkr,
    pt_winq_sl,
    spt,
    spt_wkr,
    winq,
)
from evaluators.job_shop.dispatching import Floor, Option, Schedule, dispatched
from evaluators.job_shop.shop import NO_DUE, Job, Kind, ShopInstance, info_of
from evaluators.kept_figures import LEAST_SPREAD, computed_once, differ, digest_of, digest_of_files
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
RULES: tuple[ModuleType, ...] = (fifo, spt, mwkr, mopnr, fdd_mwkr, spt_wkr, winq, atc, covert, pt_winq_sl, edd, lwkr)
PROGRAMS = tuple(Path(str(module.__file__)) for module in RULES)
SEARCHES: dict[Kind, tuple[Path, ...]] = {
    "jsp": (Path(annealing.__file__),),
    "fjsp": (Path(annealing.__file__),),
    "blocking": (Path(hindsight.__file__),),
    "dynamic": (),
}
LEAST_GAP: dict[Kind, float] = {"jsp": LEAST_SPREAD, "fjsp": 0.05, "blocking": 0.05, "dynamic": LEAST_SPREAD}
"""An own shop is redrawn when naive and reference differ by less than this share of naive.

Where operations have a choice of machines, or jobs no room to wait, rules come so near to the reference that few shops
have twice as much.
"""


@dataclass(frozen=True)
class Figures:
    """Ticks. proved: whether no schedule is better than the reference."""

    naive: float
    reference: float
    proved: bool = False

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the shop to have a score."""
        return differ(self.naive, self.reference)


def file_of(kind: Kind) -> Path:
    """Return where the figures of a kind's built-in shops are kept."""
    return STORED if kind == "jsp" else STORED.with_name(f"reference_{kind}.json")


@functools.cache
def stored(kind: Kind = "jsp") -> Stored[Figures]:
    """Return the figures of the built-in shops of a kind."""
    return read_reference(file_of(kind), "shops", Figures)


def digest(instance: ShopInstance) -> str:
    """Return a hash of what the figures of a shop are computed from, programs apart."""
    shop = instance.shop
    return digest_of(
        (shop.machines, [tuple(job) for job in shop.jobs], list(map(tuple, shop.breakdowns)), instance.warm_up)
    )


def programs_digest(kind: Kind = "jsp") -> str:
    """Return a hash of the rules and of the search that a kind takes."""
    return digest_of_files((*PROGRAMS, *SEARCHES[kind]))


def figures_of(instance: ShopInstance) -> Figures:
    """Return the figures of a shop: kept ones where there are, else found now."""
    kept = stored(instance.kind).figures.get(instance.id)
    return kept if kept is not None else _found(instance)


_FOUND: dict[str, Figures] = {}
"""Figures found in this process by digest: an id says which shop was meant, not which draw or file of it."""


def _found(instance: ShopInstance) -> Figures:
    key = f"{digest(instance)}-{instance.kind}"
    if key not in _FOUND:
        kept = stored(instance.kind).with_digest(digest(instance))
        _FOUND[key] = kept or computed_once(
            "job_shop", f"{key}-{programs_digest(instance.kind)}", Figures, instance.id, lambda: compute(instance)
        )
    return _FOUND[key]


def compute(instance: ShopInstance) -> Figures:
    """Find the figures of a shop."""
    naive = served_by(instance, fifo)
    if instance.best_known is not None:
        return Figures(cost(instance, naive), float(instance.best_known), instance.best_known == instance.lower_bound)
    schedules = [naive, *(served_by(instance, rule) for rule in RULES[1:])]
    best = min(schedules, key=lambda schedule: cost(instance, schedule))
    found = cost(instance, best)
    if instance.kind == "blocking":
        found = hindsight.searched(instance.shop, best).makespan_ticks
    elif instance.kind != "dynamic":
        found = annealing.annealed_ticks(instance.shop, best)
    return Figures(cost(instance, naive), float(found))


def worth_drawing(kind: Kind, found: Figures) -> bool:
    """Return whether a drawn shop tells programs apart: it is drawn again where it does not."""
    return found.naive - found.reference >= LEAST_GAP[kind] * found.naive


def cost(instance: ShopInstance, schedule: Schedule) -> float:
    """Return what a program makes small: the makespan, or the mean weighted tardiness of the jobs that count, ticks."""
    if instance.kind != "dynamic":
        return float(schedule.makespan_ticks)
    late = weighted_tardiness(instance.shop.jobs, schedule)[instance.warm_up :]
    return sum(late) / len(late)


def weighted_tardiness(jobs: Sequence[Job], schedule: Schedule) -> list[int]:
    """Return (jobs,) weight times the ticks by which each job ends after it is due."""
    return [
        job.weight * max(0, runs[-1].end - job.due) if job.due != NO_DUE else 0
        for job, runs in zip(jobs, schedule.runs, strict=True)
    ]


def served_by(instance: ShopInstance, program: Any) -> Schedule:
    """Return the schedule of a program of ours, run in this process. program: a module with a `Policy`."""
    policy = program.Policy(info_of(instance))

    def choose(floor: Floor, options: list[Option]) -> Any:
        return policy.dispatch(floor.observation(options))

    return dispatched(instance.shop, instance.kind == "blocking", choose)
