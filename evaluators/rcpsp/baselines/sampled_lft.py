"""Best of 100 schedules, serial scheme, whose orders are drawn with a bias towards the latest finish time.

Source: regret-biased random sampling, Drexl 1991 (Management Science 37); Kolisch 1996 (EJOR 90).
"""

import random

SAMPLES = 100
BIAS = 2.0


def times(project):
    """The earliest start and the latest finish of every task, resources being without limit."""
    tasks = len(project.duration)
    order, waits = [], [len(before) for before in project.predecessors]
    ready = [task for task in range(tasks) if not waits[task]]
    while ready:
        order.append(ready.pop())
        for s in project.successors[order[-1]]:
            waits[s] -= 1
            if not waits[s]:
                ready.append(s)
    early = list(project.release)
    for task in order:
        for before in project.predecessors[task]:
            early[task] = max(early[task], early[before] + project.duration[before])
    end = max(start + duration for start, duration in zip(early, project.duration, strict=True))
    late = [end if deadline < 0 else deadline for deadline in project.deadline]
    for task in reversed(order):
        for s in project.successors[task]:
            late[task] = min(late[task], late[s] - project.duration[s])
    return early, late


class Room:
    """What is free of every resource at every tick; an exclusive pair is a resource of capacity 1."""

    def __init__(self, project, horizon):
        self.duration = project.duration
        self.free = [[capacity] * (horizon + max(project.duration) + 1) for capacity in project.capacity]
        for resource, start, to in project.downtime:
            for tick in range(start, min(to, len(self.free[resource]))):
                self.free[resource][tick] = 0
        self.needs = [[(k, need) for k, need in enumerate(needs) if need] for needs in project.demand]
        for pair in project.exclusive:
            for task in pair:
                self.needs[task].append((len(self.free), 1))
            self.free.append([1] * len(self.free[0]))

    def first(self, task, start):
        """The first tick from `start` on at which the task fits."""
        while (blocked := self.blocked(task, start)) is not None:
            start = blocked + 1
        return start

    def blocked(self, task, start):
        """The last tick at which the task would lack something if it started at `start`; None: it fits."""
        for k, need in self.needs[task]:
            line = self.free[k]
            for tick in range(start + self.duration[task] - 1, start - 1, -1):
                if line[tick] < need:
                    return tick
        return None

    def take(self, task, start):
        for k, need in self.needs[task]:
            line = self.free[k]
            for tick in range(start, start + self.duration[task]):
                line[tick] -= need


def forward(project, order):
    """Place the tasks in this order, each as early as it fits; predecessors come before."""
    room = Room(project, horizon_of(project))
    start = list(project.release)
    for task in order:
        for before in project.predecessors[task]:
            start[task] = max(start[task], start[before] + project.duration[before])
        start[task] = room.first(task, start[task])
        room.take(task, start[task])
    return start


def horizon_of(project):
    last = max([*project.release, *(to for _, _, to in project.downtime)])
    return last + sum(project.duration)


def sampled(project, late, rng):
    """An order in which a task is the likelier to be next the less it may wait (regret-biased sampling)."""
    waits = [len(before) for before in project.predecessors]
    ready = [task for task in range(len(waits)) if not waits[task]]
    order = []
    while ready:
        worst = max(late[task] for task in ready)
        task = rng.choices(ready, [(worst - late[t] + 1) ** BIAS for t in ready])[0]
        ready.remove(task)
        order.append(task)
        for s in project.successors[task]:
            waits[s] -= 1
            if not waits[s]:
                ready.append(s)
    return order


def cost(project, start):
    """Ticks late, then the end of the last task."""
    ends = [s + d for s, d in zip(start, project.duration, strict=True)]
    late = sum(max(0, end - deadline) for end, deadline in zip(ends, project.deadline, strict=True) if deadline >= 0)
    return late, max(ends)


def schedule(project):
    rng = random.Random(0)
    _, late = times(project)
    tries = [forward(project, sampled(project, late, rng)) for _ in range(SAMPLES)]
    return "start", min(tries, key=lambda start: cost(project, start))
