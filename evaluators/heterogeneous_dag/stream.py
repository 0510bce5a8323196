"""Kind `stream`: graphs arrive one after the other, and ready tasks are given to idle PEs.

An event heap and no simpy: there are two kinds of events, and their order at one tick is stated here: ends, then
arrivals, then the policy is asked.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from evaluators.heterogeneous_dag.dag import UNSUPPORTED, Dag, Kind, critical_path_ticks, upward_ranks
from evaluators.heterogeneous_dag.placement import data_at_ticks
from evolve.evaluator import Infeasible, Instance, Record


class Arrival(Record, frozen=True):
    """A job that has come. job: its number, 0, 1, ..."""

    job: int
    dag: Dag


class Observation(Record, frozen=True):
    """What `assign` sees; k tasks are ready, the one that has been so for longest first (then lowest job, task).

    now: tick.  idle: PEs, ascending.  arrived: jobs that came since the last call.
    job, task, ready_since, age, left: (k,) int: whose and which, since when ready, ticks since the job's arrival, tasks
    of the job that have not been started.  work, data_at: (k, PEs) int: ticks on each PE (-1: cannot) as expected, and
    when all inputs are there.  rank: (k,) float, upward rank, ticks.
    """

    now: int
    idle: list[int]
    arrived: list[Arrival]
    job: list[int]
    task: list[int]
    ready_since: list[int]
    age: list[int]
    left: list[int]
    work: list[list[int]]
    data_at: list[list[int]]
    rank: list[float]


@dataclass(frozen=True)
class Job:
    """A graph that arrives. real: (n, PEs) ticks that tasks will take, -1: cannot; no program sees them."""

    arrival: int
    dag: Dag
    real: list[list[int]]


@dataclass(frozen=True)
class StreamInstance(Instance):
    """Jobs that come to PEs. draw: makes them when they are first needed."""

    draw: Callable[[], tuple[Job, ...]] = field(repr=False, compare=False)
    kind: Kind = "stream"

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """Return the jobs in the order of their arrival."""
        return self.draw()


class Assigns(Protocol):
    """A policy. Returns what a program answered: [index of a ready task, PE] or None."""

    def assign(self, observation: Observation) -> Any:
        """Choose a task and an idle PE, or wait for the next event."""


@dataclass
class Service:
    """What came of it, by job and task. decided, start, end: (n,) ticks; the PE is held from decided to end."""

    decided: list[list[int]]
    start: list[list[int]]
    end: list[list[int]]
    pe: list[list[int]]
    ready_since: list[list[int]]
    most_ready: int = 0
    declined: int = 0


def job_ticks(jobs: tuple[Job, ...], service: Service) -> list[int]:
    """Return (jobs,) ticks from arrival to the last end."""
    return [max(ends) - job.arrival for job, ends in zip(jobs, service.end, strict=True)]


def bound_ticks(jobs: tuple[Job, ...]) -> int:
    """Return a total of all jobs' times that no policy is below: each alone, every task where it is really fastest."""
    return sum(
        critical_path_ticks(job.dag, [min(t for t in row if t != UNSUPPORTED) for row in job.real]) for job in jobs
    )


def serve(jobs: tuple[Job, ...], policy: Assigns) -> Service:
    """Run the jobs as a policy says. Raises Infeasible: an answer that is none, or waiting for nothing."""
    pes = jobs[0].dag.pes
    decided, started, ended, placed, since = ([[0] * job.dag.tasks for job in jobs] for _ in range(5))
    service = Service(decided, started, ended, placed, since)
    missing = [[len(before) for before in job.dag.predecessors] for job in jobs]
    left = [job.dag.tasks for job in jobs]
    ranks: dict[int, list[float]] = {}
    events = [(job.arrival, 1, number, 0) for number, job in enumerate(jobs)]
    heapq.heapify(events)
    idle = set(range(pes))
    ready: list[tuple[int, int, int]] = []
    data_at: dict[tuple[int, int], list[int]] = {}
    arrived: list[Arrival] = []

    def get_ready(now: int, job: int, task: int) -> None:
        ends, at, dag = service.end[job], service.pe[job], jobs[job].dag
        service.ready_since[job][task] = now
        data_at[job, task] = [max(jobs[job].arrival, data_at_ticks(dag, task, pe, ends, at)) for pe in range(pes)]
        ready.append((now, job, task))

    while events:
        now = events[0][0]
        while events and events[0][0] == now:
            _, is_arrival, job, task = heapq.heappop(events)
            dag = jobs[job].dag
            if is_arrival:
                arrived.append(Arrival(job, dag))
                ranks[job] = upward_ranks(dag)
                for first, before in enumerate(dag.predecessors):
                    if not before:
                        get_ready(now, job, first)
                continue
            idle.add(service.pe[job][task])
            for successor, _ in dag.successors[task]:
                missing[job][successor] -= 1
                if not missing[job][successor]:
                    get_ready(now, job, successor)
        ready.sort()
        service.most_ready = max(service.most_ready, len(ready))
        while any(jobs[job].dag.work[task][pe] != UNSUPPORTED for _, job, task in ready for pe in idle):
            works = [jobs[job].dag.work[task] for _, job, task in ready]
            observation = Observation(
                now,
                sorted(idle),
                arrived,
                [job for _, job, _ in ready],
                [task for _, _, task in ready],
                [since for since, _, _ in ready],
                [now - jobs[job].arrival for _, job, _ in ready],
                [left[job] for _, job, _ in ready],
                works,
                [data_at[job, task] for _, job, task in ready],
                [ranks[job][task] for _, job, task in ready],
            )
            chosen = _read(policy.assign(observation), works, idle)
            arrived = []
            if chosen is None:
                service.declined += 1
                if not events:
                    raise Infeasible(f"t={now}: {len(ready)} tasks wait and all PEs are idle, yet the answer is None")
                break
            index, pe = chosen
            _, job, task = ready.pop(index)
            start = max(now, data_at.pop((job, task))[pe])
            end = start + jobs[job].real[task][pe]
            service.decided[job][task], service.start[job][task], service.end[job][task] = now, start, end
            service.pe[job][task] = pe
            left[job] -= 1
            idle.remove(pe)
            heapq.heappush(events, (end, 0, job, task))
    return service


def _read(answer: Any, works: list[list[int]], idle: set[int]) -> tuple[int, int] | None:
    """Return (index of a ready task, PE), or None. Raises Infeasible."""
    if answer is None:
        return None
    if not isinstance(answer, list) or len(answer) != 2 or type(answer[0]) is not int or type(answer[1]) is not int:
        raise Infeasible(f"the answer is {answer!s:.60}, expected (index of a ready task, idle PE) or None")
    index, pe = answer
    if not 0 <= index < len(works):
        raise Infeasible(f"index {index} of a ready task, expected 0..{len(works) - 1}")
    if pe not in idle:
        raise Infeasible(f"PE {pe} is not idle; PEs {sorted(idle)} are")
    if works[index][pe] == UNSUPPORTED:
        raise Infeasible(f"PE {pe} cannot run ready task {index}, whose work is {works[index]}")
    return index, pe
