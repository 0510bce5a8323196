"""A project: tasks that last, follow one another and share resources.

All times are whole ticks and all intervals are half open: a task that starts at 3 and lasts 4 runs in [3, 7).

Plain Python, and no simpy: nothing happens by chance or by itself, a schedule is a list of start times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from evaluators.orders import topological_order
from evolve.evaluator import Instance, Record


class Project(Record, frozen=True):
    """What a program sees; n tasks, R resources.

    duration: (n,) int, ticks, at least 1.  demand: (n, R) int, what a task takes of each resource while it runs.
    capacity: (R,) int.  predecessors, successors: n lists of task numbers.
    release, deadline: (n,) int, the task may not start before and must end by; deadline -1: none.
    downtime: list of (resource, from, to): the resource has capacity 0 in [from, to).
    exclusive: list of (task, task) that may not run at the same time.
    The last four matter in the kind `feasible` alone; in `makespan` they are 0, -1 and empty.
    """

    duration: list[int]
    demand: list[list[int]]
    capacity: list[int]
    predecessors: list[list[int]]
    successors: list[list[int]]
    release: list[int]
    deadline: list[int]
    downtime: list[tuple[int, int, int]]
    exclusive: list[tuple[int, int]]

    @property
    def tasks(self) -> int:
        """Return n."""
        return len(self.duration)


def make_project(
    duration: list[int],
    demand: list[list[int]],
    capacity: list[int],
    successors: list[list[int]],
    release: list[int] | None = None,
    deadline: list[int] | None = None,
    downtime: list[tuple[int, int, int]] | None = None,
    exclusive: list[tuple[int, int]] | None = None,
) -> Project:
    """Return a project from its successors; what is left out does not bind."""
    predecessors: list[list[int]] = [[] for _ in duration]
    for task, following in enumerate(successors):
        for successor in following:
            predecessors[successor].append(task)
    return Project(
        duration,
        demand,
        capacity,
        predecessors,
        [sorted(following) for following in successors],
        release or [0] * len(duration),
        deadline or [-1] * len(duration),
        downtime or [],
        exclusive or [],
    )


@dataclass(frozen=True)
class ProjectInstance(Instance):
    """One project to schedule.

    draw: makes the project when it is first needed.
    feasible: whether the question is if everything can be met, not how soon all is done.
    best_known, lower_bound: ticks, as published; None for our own instances.
    """

    draw: Callable[[], Project] = field(repr=False, compare=False)
    feasible: bool = False
    best_known: int | None = None
    lower_bound: int | None = None

    @cached_property
    def project(self) -> Project:
        """Return the project."""
        return self.draw()

    @cached_property
    def horizon(self) -> int:
        """Return a tick by which every schedule has ended in which no task waits needlessly."""
        return horizon_ticks(self.project)


def horizon_ticks(project: Project) -> int:
    """Return the last release, all work one after the other and all downtime, ticks.

    After the last release and the last downtime tasks run one at a time, whatever the order; before, none waits longer.
    """
    last = max([*project.release, *(to for _, _, to in project.downtime)], default=0)
    return last + sum(project.duration)


def topological(project: Project) -> list[int]:
    """Return the tasks so that each comes after its predecessors. Raises ValueError: a cycle."""
    return topological_order(project.predecessors, project.successors.__getitem__)


def earliest_starts(project: Project) -> list[int]:
    """Return (n,) ticks: the start of each task when resources are without limit."""
    start = list(project.release)
    for task in topological(project):
        for before in project.predecessors[task]:
            start[task] = max(start[task], start[before] + project.duration[before])
    return start


def critical_path_ticks(project: Project) -> int:
    """Return the makespan when resources are without limit."""
    return max((s + d for s, d in zip(earliest_starts(project), project.duration, strict=True)), default=0)


def makespan_bound_ticks(project: Project) -> int:
    """Return ticks below which no schedule ends: the critical path, and the work of each resource over its capacity."""
    work = [
        -(-sum(d * need[k] for d, need in zip(project.duration, project.demand, strict=True)) // capacity)
        for k, capacity in enumerate(project.capacity)
        if capacity
    ]
    return max(critical_path_ticks(project), *work)


def makespan_ticks(project: Project, starts: list[int]) -> int:
    """Return when the last task ends. starts: (n,) ticks."""
    return max(start + duration for start, duration in zip(starts, project.duration, strict=True))
