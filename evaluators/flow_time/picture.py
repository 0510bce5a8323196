"""Which job a machine runs when, and how long each job is there. No simpy: a day is a list of pieces of work."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.flow_time.figures import Figures
from evaluators.flow_time.machine import Case, Day, Job, flows
from evolve.picture import Interval, Lane, Lanes, Line, Picture, Series

LEAST, MORE, WAITS = "has the least work left", "another has less left", "waits"
JOBS_SHOWN = 40


def drawn(case: Case, days: Sequence[Day], figures: Figures, mean: float) -> Picture:
    """Return the jobs of the machine that lost most against SRPT, around the worst of them, and all flow times."""
    lost = [
        (end - best, machine, job)
        for machine, day in enumerate(days)
        for job, (end, best) in enumerate(zip(day.end, case.srpt[machine], strict=True))
    ]
    _, machine, worst = max(lost)
    jobs, day = case.machines[machine], days[machine]
    first = max(0, min(worst - JOBS_SHOWN // 2, len(jobs) - JOBS_SHOWN))
    shown = range(first, min(first + JOBS_SHOWN, len(jobs)))
    lanes = tuple(Lane(f"job {job}", tuple(parts)) for job, parts in _intervals(jobs, day, shown).items())
    work = [sum(job.ops) for row in case.machines for job in row]
    here = [ticks for row, one in zip(case.machines, days, strict=True) for ticks in flows(row, one.end)]
    best = [ticks for row, ends in zip(case.machines, case.srpt, strict=True) for ticks in flows(row, ends)]
    return Picture(
        f"{case.id}: mean flow {mean:.0f} ticks, SRPT {figures.reference:.0f}",
        (
            Lanes(f"Machine {machine}, jobs {shown.start} to {shown.stop - 1} of {len(jobs)}", "time (ticks)", lanes),
            Series(
                "How long each job of all machines is there",
                "work (ticks)",
                "flow time (ticks)",
                (Line("this program", _points(work, here), "dots"), Line("SRPT", _points(work, best), "dots")),
            ),
        ),
        f"Job {worst} of machine {machine} ends {max(lost)[0]} ticks later than with SRPT, more than any other.",
    )


def _intervals(jobs: Sequence[Job], day: Day, shown: range) -> dict[int, list[Interval]]:
    """Return when each job waits and when it runs, cut where jobs come."""
    found: dict[int, list[Interval]] = {job: [] for job in shown}
    at = {job: jobs[job].arrival for job in shown}
    left: dict[int, int] = {}  # of the jobs present
    coming = 0
    for piece in day.pieces:
        job, start = piece.job, piece.start
        if job in found and at[job] < start:
            found[job].append(Interval(at[job], start, WAITS, f"job {job} waits in [{at[job]}, {start})"))
        while start < piece.end:
            while coming < len(jobs) and jobs[coming].arrival <= start:
                left[coming] = sum(jobs[coming].ops)
                coming += 1
            end = min(piece.end, jobs[coming].arrival) if coming < len(jobs) else piece.end
            if job in found:
                kind = LEAST if left[job] == min(left.values()) else MORE
                text = f"job {job}: [{start}, {end}), {left[job]} ticks left at the start"
                found[job].append(Interval(start, end, kind, text))
                at[job] = end
            left[job] -= end - start
            start = end
        if not left[job]:
            del left[job]
    return found


def _points(work: Sequence[int], flow: Sequence[int]) -> tuple[tuple[float, float], ...]:
    return tuple(sorted((float(a), float(b)) for a, b in zip(work, flow, strict=True)))
