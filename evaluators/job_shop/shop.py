"""A shop: machines, jobs with their routes, when each comes and is due, and when machines break down."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

from evolve.evaluator import Instance, Record

Kind: TypeAlias = Literal["jsp", "fjsp", "blocking", "dynamic"]
KINDS: tuple[Kind, ...] = ("jsp", "fjsp", "blocking", "dynamic")

NO_DUE = -1

Operation: TypeAlias = tuple[tuple[int, int], ...]
"""(machine, duration in ticks) of each machine that can do it, by rising machine; all but kind fjsp have one each."""


class Job(NamedTuple):
    """ops: done one after the other.  arrival, due: ticks, due -1: none.  weight: of its tardiness."""

    ops: tuple[Operation, ...]
    arrival: int = 0
    due: int = NO_DUE
    weight: int = 1


class Breakdown(NamedTuple):
    """A machine does nothing in [start, end), ticks."""

    machine: int
    start: int
    end: int


@dataclass(frozen=True)
class Shop:
    """machines: how many.  jobs: by rising arrival.  breakdowns: by rising start; those of a machine are apart."""

    machines: int
    jobs: tuple[Job, ...]
    breakdowns: tuple[Breakdown, ...] = ()


@dataclass(frozen=True)
class ShopInstance(Instance):
    """A shop that is scored. draw: makes it when it is first needed.

    kind: jsp and fjsp have room for waiting jobs, blocking has none: a job keeps its machine until its next one is
        free; these three count the makespan. dynamic: jobs come as time goes by, and are late.
    warm_up: jobs that come first and are not counted (dynamic).
    lower_bound, best_known: makespans, ticks, of a public shop.
    """

    kind: Kind
    draw: Callable[[], Shop] = field(repr=False, compare=False)
    warm_up: int = 0
    lower_bound: int | None = None
    best_known: int | None = None

    @cached_property
    def shop(self) -> Shop:
        """Return the shop."""
        return self.draw()


class JobInfo(Record, frozen=True):
    """What a program sees of a job. ops: per operation a list of (machine, ticks).  due: -1: none."""

    job: int
    arrival: int
    due: int
    weight: int
    ops: list[Operation]


class Info(Record, frozen=True):
    """What `Policy(info)` is given. jobs: all of them; of kind dynamic none."""

    kind: str
    machines: int
    jobs: list[JobInfo]


def seen(number: int, job: Job) -> JobInfo:
    """Return what a program sees of a job."""
    return JobInfo(number, job.arrival, job.due, job.weight, list(job.ops))


def info_of(instance: ShopInstance) -> Info:
    """Return what a program is told before the first decision."""
    jobs = [] if instance.kind == "dynamic" else [seen(j, job) for j, job in enumerate(instance.shop.jobs)]
    return Info(instance.kind, instance.shop.machines, jobs)


def makespan_bound_ticks(shop: Shop) -> int:
    """Return a makespan that no schedule is below, whatever the kind: the longest job, and the busiest machine.

    A machine counts the operations that no other can do, after the least time before and until the least time behind.
    """
    longest, total = 0, 0
    load = [0] * shop.machines
    before, behind = [math.inf] * shop.machines, [math.inf] * shop.machines
    for job in shop.jobs:
        ticks = [min(duration for _, duration in op) for op in job.ops]
        head, tail = job.arrival, sum(ticks)
        longest = max(longest, head + tail)
        total += tail
        for op, least in zip(job.ops, ticks, strict=True):
            tail -= least
            if len(op) == 1:
                machine = op[0][0]
                load[machine] += least
                before[machine] = min(before[machine], head)
                behind[machine] = min(behind[machine], tail)
            head += least
    busiest = max(load[m] + before[m] + behind[m] for m in range(shop.machines) if load[m]) if any(load) else 0
    return max(longest, int(busiest), -(-total // shop.machines))
