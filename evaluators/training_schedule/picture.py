"""Rate, loss and mix over the budget."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.training_schedule.figures import Figures
from evaluators.training_schedule.training import Course
from evaluators.training_schedule.workload import Case
from evolve.picture import Bar, Bars, Line, Panel, Picture, Series

SHOWN_RUNS = 3
MOST_POINTS = 200


def drawn(case: Case, courses: Sequence[Course], loss: float, figures: Figures) -> Picture:
    """Return the rates and training losses of the first runs, the losses of all, and the shares of the sources."""
    first = list(enumerate(courses))[:SHOWN_RUNS]
    hint = case.info.lr_hint
    rates = [Line(f"run {k}", _over_samples(c, [rate / hint for rate in c.rates]), "step") for k, c in first]
    losses = [Line(f"run {k}", _over_samples(c, c.losses)) for k, c in first if c.losses]
    panels: list[Panel] = [Series("Learning rate", "samples", "rate (hints)", tuple(rates))]
    if losses:
        panels.append(Series("Loss of the batches", "samples", "cross-entropy (nats)", tuple(losses)))
    ends = [Bar(f"run {k}", course.test_loss) for k, course in enumerate(courses)]
    panels.append(Bars("After the last step", "test loss (nats)", tuple(ends)))
    if len(case.sources) > 1:
        total = sum(sum(course.drawn) for course in courses)
        bars = [
            Bar(
                f"source {k}: {100 * source.test_weight:.0f} % of the test",
                100.0 * sum(course.drawn[k] for course in courses) / max(1, total),
                text=f"{source.size} samples, {100 * source.noise:.0f} % of labels drawn anew, moved {source.moved:g}",
            )
            for k, source in enumerate(case.sources)
        ]
        panels.append(Bars("Where samples are from", "share of the samples drawn (%)", tuple(bars)))
    return Picture(
        f"{case.id}: test loss {loss:.3f}",
        tuple(panels),
        f"A constant rate has {figures.naive:.3f}, the reference, {figures.best} hints, {figures.reference:.3f}.",
    )


def _over_samples(course: Course, values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    points, done = [], 0
    for batch, value in zip(course.batches, values, strict=False):
        points.append((float(done), float(value)))
        done += batch
    return tuple(points[:: max(1, len(points) // MOST_POINTS)])
