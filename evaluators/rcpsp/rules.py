"""What a schedule must keep to, each breach with its tick, its tasks and the amount."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluators.rcpsp.project import Project


def breaches(project: Project, starts: Sequence[int]) -> Iterator[str]:
    """Yield each rule that a schedule breaks. starts: (n,) ticks, 0 or more."""
    ends = [start + duration for start, duration in zip(starts, project.duration, strict=True)]
    for task, following in enumerate(project.successors):
        for successor in following:
            if starts[successor] < ends[task]:
                yield f"task {successor} starts at {starts[successor]}, before task {task} ends at {ends[task]}"
    yield from _over_capacity(project, starts, ends)
    for resource, start, to in project.downtime:
        for task, need in enumerate(project.demand):
            if need[resource] and starts[task] < to and start < ends[task]:
                yield (
                    f"task {task} uses resource {resource} in [{starts[task]}, {ends[task]}), "
                    f"which is down in [{start}, {to})"
                )
    for task, release in enumerate(project.release):
        if starts[task] < release:
            yield f"task {task} starts at {starts[task]}, it may start from {release} on"
    for task, deadline in enumerate(project.deadline):
        if 0 <= deadline < ends[task]:
            yield f"task {task} ends at {ends[task]}, its deadline is {deadline}: {ends[task] - deadline} ticks late"
    for one, other in project.exclusive:
        if starts[one] < ends[other] and starts[other] < ends[one]:
            yield f"tasks {one} and {other} exclude each other and both run at {max(starts[one], starts[other])}"


def _over_capacity(project: Project, starts: Sequence[int], ends: Sequence[int]) -> Iterator[str]:
    """Yield the first tick at which a resource has to give more than it has, for each resource. Sweeps the starts."""
    for resource, capacity in enumerate(project.capacity):
        users = [task for task in range(project.tasks) if project.demand[task][resource]]
        events = sorted(
            [(starts[t], 1, project.demand[t][resource]) for t in users]
            + [(ends[t], 0, -project.demand[t][resource]) for t in users]
        )
        used = 0
        for tick, _, change in events:
            used += change
            if used > capacity:
                running = [t for t in users if starts[t] <= tick < ends[t]]
                needed = sum(project.demand[t][resource] for t in running)
                yield f"t={tick}: resource {resource} needs {needed} of {capacity}: tasks {_few(running)}"
                break


def _few(tasks: Sequence[int], most: int = 8) -> str:
    shown = ", ".join(map(str, tasks[:most]))
    return f"{shown}, ..." if len(tasks) > most else shown
