"""The jobs of an instance, and what an order of them costs: whole ticks, computed here from the candidate's decisions.

Plain arithmetic, not simpy: one machine does one job after the other, so time is a running sum.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from evaluators.kept_figures import digest_of
from evolve.evaluator import Infeasible, Instance, Record

Kind: TypeAlias = Literal["weighted", "unweighted", "online"]
KINDS: tuple[Kind, ...] = ("weighted", "unweighted", "online")

WAIT = -1


@dataclass(frozen=True)
class Jobs(Instance):
    """The jobs of one machine, in an order that says nothing to the candidate: it sees them shuffled, see `shown`.

    processing, due, weight: ticks, ticks, 1 or more.  release: ticks, when each is there; empty when all are at 0.
    load: for online jobs, the share of the time that their arrivals keep the machine busy in the long run.
    best_known, best_is_optimum: the least cost that the literature has, for public instances.
    """

    processing: tuple[int, ...] = field(repr=False)
    due: tuple[int, ...] = field(repr=False)
    weight: tuple[int, ...] = field(repr=False)
    release: tuple[int, ...] = field(default=(), repr=False)
    load: float = 0.0
    best_known: int | None = None
    best_is_optimum: bool = False

    @property
    def online(self) -> bool:
        """Whether the jobs come one after the other, and the machine's next job is asked for when it is free."""
        return bool(self.release)

    @property
    def unweighted(self) -> bool:
        """Whether all jobs count alike."""
        return set(self.weight) == {1}


class Arrivals(Record, frozen=True):
    """What is known beforehand of jobs that are to come, given to `Policy(info)`. Ticks; share of the time."""

    mean_processing: float
    load: float


class Present(Record, frozen=True):
    """What `pick` sees: the jobs that have come and are not started, in the order in which they came. (k,) int64."""

    now: int
    job: np.ndarray
    processing: np.ndarray
    due: np.ndarray
    weight: np.ndarray
    released: np.ndarray
    more_to_come: bool


class Schedule(NamedTuple):
    """Jobs in the order in which they were done, and when each ended, ticks."""

    order: list[int]
    end: list[int]


def digest(jobs: Jobs) -> str:
    """Return a hash of the jobs."""
    return digest_of((jobs.processing, jobs.due, jobs.weight, jobs.release))


def shown(jobs: Jobs) -> Jobs:
    """Return the jobs as the candidate sees them: shuffled, always in the same way.

    Files are not neutral: the 100-job file of the OR-Library lists its jobs by falling weight / processing time.
    """
    order = list(range(len(jobs.processing)))
    random.Random(digest(jobs)).shuffle(order)
    names = ("processing", "due", "weight", *(("release",) if jobs.online else ()))
    columns = {name: tuple(getattr(jobs, name)[job] for job in order) for name in names}
    return replace(jobs, **columns)


def in_order(jobs: Jobs, order: Sequence[int]) -> Schedule:
    """Do the jobs in this order, each as early as it can be: without a gap, unless a job is not there yet."""
    now, end = 0, []
    for job in order:
        if jobs.online:
            now = max(now, jobs.release[job])
        now += jobs.processing[job]
        end.append(now)
    return Schedule(list(order), end)


def costs(jobs: Jobs, schedule: Schedule) -> list[int]:
    """Return weight * max(0, end - due) of every job, in the order in which they are done, ticks."""
    return [jobs.weight[j] * max(0, end - jobs.due[j]) for j, end in zip(*schedule, strict=True)]


def arrivals_of(jobs: Jobs) -> Arrivals:
    """Return what a policy is told before any job has come."""
    return Arrivals(sum(jobs.processing) / len(jobs.processing), jobs.load)


def dispatch(jobs: Jobs, pick: Callable[[Present], Any]) -> Schedule:
    """Do jobs as they come: whenever the machine is free and jobs are there, `pick` says which is next, or to wait.

    A wait lasts until the next job comes. Raises Infeasible for an answer that is none of both, and for a wait when no
    job is to come.
    """
    to_come = sorted(range(len(jobs.processing)), key=lambda job: jobs.release[job])
    names = {job: name for name, job in enumerate(to_come)}
    to_come.reverse()  # the next one last
    now, present, order, end = 0, list[int](), list[int](), list[int]()
    while present or to_come:
        if not present:
            now = max(now, jobs.release[to_come[-1]])
        while to_come and jobs.release[to_come[-1]] <= now:
            present.append(to_come.pop())
        answer = pick(_present(jobs, now, present, names, bool(to_come)))
        if type(answer) is not int or not WAIT <= answer < len(present):
            raise Infeasible(
                f"at {now} ticks pick returned {answer!r:.40} ({type(answer).__name__}), expected the place of one of "
                f"the {len(present)} jobs present, a whole number (int) in 0..{len(present) - 1}, or {WAIT} to wait"
            )
        if answer == WAIT:
            if not to_come:
                raise Infeasible(
                    f"at {now} ticks pick waits with {len(present)} jobs present and no job to come (more_to_come)"
                )
            now = jobs.release[to_come[-1]]
            continue
        job = present.pop(answer)
        now += jobs.processing[job]
        order.append(job)
        end.append(now)
    return Schedule(order, end)


def _present(jobs: Jobs, now: int, present: list[int], names: dict[int, int], more: bool) -> Present:
    def column(values: Sequence[int] | dict[int, int]) -> np.ndarray:
        return np.array([values[job] for job in present], dtype=np.int64)

    return Present(
        now,
        column(names),
        column(jobs.processing),
        column(jobs.due),
        column(jobs.weight),
        column(jobs.release),
        more,
    )
