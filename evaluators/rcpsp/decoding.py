"""From priorities to a schedule: the serial and the parallel schedule generation scheme.

Source: Kolisch 1996, "Serial and parallel resource-constrained project scheduling methods revisited" (EJOR 90).
Release ticks, downtime and exclusive pairs are kept as well; deadlines are not, they may be missed.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from evaluators.rcpsp.project import Project


class Room:
    """What is free of every resource at every tick, as tasks are placed. A pair is a resource of capacity 1."""

    def __init__(self, project: Project, horizon: int) -> None:
        self._free = [[capacity] * (horizon + max(project.duration) + 1) for capacity in project.capacity]
        for resource, start, to in project.downtime:
            line = self._free[resource]
            for tick in range(min(start, len(line)), min(to, len(line))):
                line[tick] = 0
        self._needs = [[(k, need) for k, need in enumerate(needs) if need] for needs in project.demand]
        for one, other in project.exclusive:
            resource = len(self._free)
            self._free.append([1] * len(self._free[0]))
            self._needs[one].append((resource, 1))
            self._needs[other].append((resource, 1))
        self._duration = project.duration

    def first_start(self, task: int, from_tick: int) -> int:
        """Return the first tick from `from_tick` on at which a task fits for as long as it lasts."""
        needs, duration = self._needs[task], self._duration[task]
        start = tick = from_tick
        while tick < start + duration:
            if any(self._free[resource][tick] < need for resource, need in needs):
                start = tick + 1
            tick += 1
        return start

    def fits(self, task: int, start: int) -> bool:
        """Return whether a task fits at a tick for as long as it lasts."""
        ticks = slice(start, start + self._duration[task])
        return all(min(self._free[resource][ticks]) >= need for resource, need in self._needs[task])

    def place(self, task: int, start: int) -> None:
        """Take what a task needs."""
        for resource, need in self._needs[task]:
            line = self._free[resource]
            for tick in range(start, start + self._duration[task]):
                line[tick] -= need


def serial(project: Project, priority: Sequence[float], horizon: int) -> list[int]:
    """Return (n,) starts: task after task, each as early as it fits.

    priority: (n,) finite; of the tasks whose predecessors are placed, the lowest comes first, then the lowest number.
    horizon: see `ProjectInstance`.
    """
    room = Room(project, horizon)
    earliest, starts = list(project.release), [0] * project.tasks
    missing = [len(before) for before in project.predecessors]
    eligible = [(priority[task], task) for task in range(project.tasks) if not missing[task]]
    heapq.heapify(eligible)
    while eligible:
        _, task = heapq.heappop(eligible)
        starts[task] = room.first_start(task, earliest[task])
        room.place(task, starts[task])
        for successor in project.successors[task]:
            earliest[successor] = max(earliest[successor], starts[task] + project.duration[task])
            missing[successor] -= 1
            if not missing[successor]:
                heapq.heappush(eligible, (priority[successor], successor))
    return starts


def parallel(project: Project, priority: Sequence[float], horizon: int) -> list[int]:
    """Return (n,) starts: tick after tick, every task that fits starts, the lowest priority first.

    priority, horizon: as in `serial`. No task that could start waits, which no schedule of least makespan may allow.
    """
    room = Room(project, horizon)
    starts = [0] * project.tasks
    missing = [len(before) for before in project.predecessors]
    earliest = list(project.release)
    ready = [task for task in range(project.tasks) if not missing[task]]
    left, tick = project.tasks, 0
    edges = sorted({*project.release, *(to for _, _, to in project.downtime)})
    ends: list[int] = []
    while left:
        for task in sorted((t for t in ready if earliest[t] <= tick), key=lambda t: (priority[t], t)):
            if room.fits(task, tick):
                starts[task] = tick
                room.place(task, tick)
                ready.remove(task)
                left -= 1
                end = tick + project.duration[task]
                heapq.heappush(ends, end)
                for successor in project.successors[task]:
                    earliest[successor] = max(earliest[successor], end)
                    missing[successor] -= 1
                    if not missing[successor]:
                        ready.append(successor)
        while ends and ends[0] <= tick:
            heapq.heappop(ends)
        tick = min([*ends[:1], *(edge for edge in edges if edge > tick)], default=tick + 1)
    return starts


SCHEMES = {"serial": serial, "parallel": parallel}
