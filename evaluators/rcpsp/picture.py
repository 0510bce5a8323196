"""A schedule as a Gantt chart, with the use of each resource. No simpy: a schedule is a list of start times."""

from __future__ import annotations

from evaluators.rcpsp.project import Project, makespan_bound_ticks, makespan_ticks
from evolve.picture import Interval, Lane, Lanes, Line, Mark, Picture, Series

TASKS_SHOWN = 60


def drawn(name: str, project: Project, starts: list[int], known: str) -> Picture:
    """Return when each task runs, and how much of each resource is taken. known: what to compare with, a sentence."""
    end, bound = makespan_ticks(project, starts), makespan_bound_ticks(project)
    earliest = sorted(range(project.tasks), key=lambda task: (starts[task], task))
    real = [task for task in earliest if project.duration[task] > 0]
    shown = real[:TASKS_SHOWN]
    lanes = []
    for task in shown:
        last = starts[task] + project.duration[task]
        late = 0 <= project.deadline[task] < last
        busiest = max(range(len(project.capacity)), key=lambda k: project.demand[task][k], default=0)
        kind = "late" if late else f"mostly of resource {busiest}" if any(project.demand[task]) else "no resource"
        text = f"task {task}: [{starts[task]}, {last}), takes {project.demand[task]}"
        lanes.append(Lane(f"task {task}", (Interval(starts[task], last, kind, text),)))
    lines = []
    for resource, capacity in enumerate(project.capacity):
        change: dict[int, int] = {0: 0}
        for task, start in enumerate(starts):
            need = project.demand[task][resource]
            change[start] = change.get(start, 0) + need
            change[start + project.duration[task]] = change.get(start + project.duration[task], 0) - need
        level, points = 0, []
        for tick in sorted(change):
            level += change[tick]
            points.append((float(tick), 100.0 * level / capacity if capacity else 0.0))
        lines.append(Line(f"resource {resource} of {capacity}", tuple(points), "step"))
    more = "" if len(shown) == len(real) else f", the first {len(shown)} of {len(real)} to start"
    marks = (Mark(float(end), f"end {end}"), *((Mark(float(bound), f"bound {bound}"),) if bound < end else ()))
    return Picture(
        f"{name}: {end} ticks",
        (
            Lanes(f"Tasks{more}", "time (ticks)", tuple(lanes), marks),
            Series("Use of the resources", "time (ticks)", "of the capacity (%)", tuple(lines), marks),
        ),
        f"{known} No schedule ends before {bound}. A resource at 100 % is what tasks wait for.",
    )
