"""What would help a person to improve a program: which jobs cost most, what made them late, which move saves most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluators.single_machine_tardiness.baselines.iterated_dynasearch import gains
from evaluators.single_machine_tardiness.figures import Figures, columns
from evaluators.single_machine_tardiness.jobs import Jobs, Kind, Schedule

SHOWN_JOBS = 2


def explain(jobs: Jobs, kind: Kind, schedule: Schedule, paid: Sequence[int], figures: Figures) -> str:
    """Say what the order costs and why, in at most 500 characters.

    paid: what each job costs, in the order in which they are done, ticks.
    """
    total, n = sum(paid), len(paid)
    best = "optimum" if figures.proved else "best known"
    facts = [
        f"{kind}, {n} jobs: cost {total} (EDD {figures.naive}, MDD {figures.mdd}, {best} {figures.reference}); "
        f"{sum(cost > 0 for cost in paid)} late"
    ]
    dearest = sorted(range(n), key=lambda place: -paid[place])[:SHOWN_JOBS]
    facts += [_late(jobs, schedule, place, paid[place]) for place in dearest if paid[place]]
    if total:
        facts.append(_idle(jobs, schedule) if jobs.online else _best_move(jobs, schedule.order))
    return "; ".join(fact for fact in facts if fact) + "."


def _job(jobs: Jobs, job: int) -> str:
    return f"p {jobs.processing[job]}, w {jobs.weight[job]}, due {jobs.due[job]}"


def _late(jobs: Jobs, schedule: Schedule, place: int, cost: int) -> str:
    """Return how late a job is, and the job before it that one would most like to see behind it."""
    job, end = schedule.order[place], schedule.end[place]
    said = f"job {job} ({_job(jobs, job)}) ended at {end} and cost {cost}"
    since = jobs.release[job] if jobs.online else 0
    before = [k for k, ended in zip(schedule.order[:place], schedule.end, strict=False) if ended > since]
    if before:
        light = max(before, key=lambda k: jobs.processing[k] / jobs.weight[k])
        if jobs.processing[light] * jobs.weight[job] > jobs.processing[job] * jobs.weight[light]:
            said += f", job {light} ({_job(jobs, light)}) before it"
    return said


def _idle(jobs: Jobs, schedule: Schedule) -> str:
    """Return how long the machine stood still though a job was there."""
    idle, now = 0, 0
    first = {job: place for place, job in enumerate(schedule.order)}
    by_release = sorted(first, key=lambda job: jobs.release[job])
    for place, (job, end) in enumerate(zip(*schedule, strict=True)):
        start = end - jobs.processing[job]
        there = min((jobs.release[k] for k in by_release if first[k] >= place), default=start)
        idle += max(0, start - max(now, there))
        now = end
    return f"waited {idle} ticks with a job present" if idle else ""


def _best_move(jobs: Jobs, order: Sequence[int]) -> str:
    """Return the one swap or one insertion that saves most."""
    p, d, w = columns(jobs)
    every = np.stack(gains(p[order], d[order], w[order], 0))
    every[:, np.tri(len(order), dtype=bool)] = 0
    kind, i, j = (int(x) for x in np.unravel_index(int(every.argmax()), every.shape))
    saved = int(every[kind, i, j])
    if saved <= 0:
        return "no swap and no move of one job saves anything"
    what = (
        f"swapping jobs {order[i]} and {order[j]} (places {i}, {j})",
        f"putting job {order[i]} from place {i} to {j}",
        f"putting job {order[j]} from place {j} to {i}",
    )[kind]
    return f"{what} alone would save {saved}"
