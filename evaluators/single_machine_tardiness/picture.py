"""The jobs of the machine, one after the other, and what each costs. No simpy: time is a running sum."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.single_machine_tardiness.jobs import Jobs, Schedule
from evolve.picture import Bar, Bars, Interval, Lane, Lanes, Line, Picture, Series

JOBS_SHOWN = 60
DEAREST_SHOWN = 20


def drawn(name: str, jobs: Jobs, schedule: Schedule, paid: Sequence[int], reference: float | None) -> Picture:
    """Return the jobs by time with their due dates, the cost as it grows, and the jobs that cost most."""
    lanes, total, points, dearest = [], 0, [(0.0, 0.0)], []
    for job, end, cost in zip(*schedule, paid, strict=True):
        total += cost
        points.append((float(end), float(total)))
        start = end - jobs.processing[job]
        text = f"job {job}: [{start}, {end}), due {jobs.due[job]}, weight {jobs.weight[job]}, costs {cost}"
        bars = [Interval(start, end, "late" if cost else "in time", text)]
        if cost and jobs.due[job] < start:
            bars.insert(0, Interval(max(jobs.due[job], 0), start, "overdue before it starts", text))
        lanes.append(Lane(f"job {job}", tuple(bars)))
        if cost:
            dearest.append(Bar(f"job {job}", float(cost), text=text))
    dearest.sort(key=lambda bar: -bar.value)
    more = f", the first {JOBS_SHOWN} of {len(lanes)}" if len(lanes) > JOBS_SHOWN else ""
    panels: list[Lanes | Series | Bars] = [
        Lanes(f"Jobs in their order{more}", "time (ticks)", tuple(lanes[:JOBS_SHOWN])),
        Series(
            "Cost as it grows", "time (ticks)", "weighted tardiness (ticks)", (Line("cost", tuple(points), "step"),)
        ),
    ]
    if dearest:
        title = f"The dearest of {len(dearest)} late jobs"
        panels.append(Bars(title, "weighted tardiness (ticks)", tuple(dearest[:DEAREST_SHOWN])))
    known = "" if reference is None else f", the reference has {reference:g}"
    return Picture(f"{name}: weighted tardiness {total}{known}", tuple(panels))
