"""What would help a person with a service: what its hour cost, when requests were late, and how full replicas were."""

from __future__ import annotations

import numpy as np

from evaluators.serverless_autoscaling.feedback import MOST_LETTERS
from evaluators.serverless_autoscaling.figures import Figures
from evaluators.serverless_autoscaling.service import LATE_COST, TICK_S, Course, Load
from evolve.picture import Line, Picture, Series

STEP = 15
"""Ticks of a point of the picture."""


def explain_hour(load: Load, course: Course, figures: Figures) -> str:
    """Return one line of at most 500 characters."""
    ticks = course.ticks
    late = np.array([tick.late for tick in ticks])
    facts = [
        f"cost {course.cost} ({LATE_COST * course.late} for {course.late} late of {int(load.arrived.sum())} requests, "
        f"{course.cost - LATE_COST * course.late} replica-s; Knative's default {figures.naive}, reference, with "
        f"foresight, {figures.reference})"
    ]
    if course.late:
        worst = int(late.reshape(-1, STEP).sum(axis=1).argmax()) * STEP if len(late) % STEP == 0 else int(late.argmax())
        there = ticks[worst]
        facts.append(
            f"most are late from {worst * TICK_S:.0f} s on: {there.arrived} come in a tick to {there.ready} ready and "
            f"{there.starting} starting replicas, limit {there.limit}, {there.waiting} wait, a request takes "
            f"{there.service_s:.2f} s instead of {load.base_s:.2f}"
        )
    at_once = np.array([tick.at_once for tick in ticks])
    facts.append(
        f"a replica does {at_once.mean():.0f} at once on average, {np.quantile(at_once, 0.95):.0f} in busy ticks, and "
        f"slows down from {load.knee:.0f} on"
    )
    return ("; ".join(facts) + ".")[:MOST_LETTERS]


def drawn_hour_of(name: str, load: Load, course: Course) -> Picture:
    """Return replicas, and requests per tick, over an hour."""

    def line(label: str, values: list[float]) -> Line:
        steps = range(0, len(values), STEP)
        return Line(label, tuple((k * TICK_S, float(np.mean(values[k : k + STEP]))) for k in steps), "step")

    ticks = course.ticks
    needed = (load.arrived * min(1.0, load.base_s / TICK_S) / load.knee).tolist()
    return Picture(
        f"{name}: cost {course.cost}",
        (
            Series(
                f"Replicas, mean of {STEP} ticks",
                "time (s)",
                "replicas",
                (line("ready", [float(t.ready) for t in ticks]), line("needed at the knee", needed)),
            ),
            Series(
                f"Requests, mean of {STEP} ticks",
                "time (s)",
                "requests a tick",
                (
                    line("arrived", [float(t.arrived) for t in ticks]),
                    line("late", [float(t.late) for t in ticks]),
                    line("waiting", [float(t.waiting) for t in ticks]),
                ),
            ),
        ),
        f"Replicas slow down from {load.knee:g} requests at once on, which no program is told.",
    )
