"""What would help a person: how rate and loss went over the budget, and what each source was good for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluators.training_schedule.figures import Figures
from evaluators.training_schedule.training import Course
from evaluators.training_schedule.workload import Case

MOST_LETTERS = 500


def explain(case: Case, courses: Sequence[Course], loss: float, figures: Figures) -> str:
    """Return one line of at most 500 characters."""
    facts = [
        f"test loss {loss:.3f} (constant rate {figures.naive:.3f}, reference {figures.reference:.3f}: "
        f"{figures.best} hints)"
    ]
    lost = [run for run, course in enumerate(courses) if course.diverged]
    if lost:
        facts.append(f"{len(lost)} of {len(courses)} runs are no better than guessing, run {lost[0]} first")
    tenths = [_by_tenth(course) for course in courses]
    rate, train_loss, norm = (np.mean([one[k] for one in tenths], axis=0) for k in range(3))
    hint = case.info.lr_hint
    shown = " ".join(f"{rate[k] / hint:.2f}" for k in (0, 2, 5, 7, 9))
    batch = np.mean([np.mean(course.batches) for course in courses])
    facts.append(f"rates in hints, tenths 1 3 6 8 10 of the budget: {shown}; mean batch {batch:.0f}")
    facts.append(
        f"training loss {train_loss[4]:.3f} in tenth 5, {train_loss[8]:.3f} in 9, {train_loss[9]:.3f} in 10; "
        f"gradient norm {norm[4]:.2f} in 5, {norm[9]:.2f} in 10"
    )
    if len(case.sources) > 1:
        drawn = np.sum([course.drawn for course in courses], axis=0)
        tested = np.mean([course.by_source for course in courses], axis=0)
        facts.append(
            "sources: "
            + ", ".join(
                f"{100 * drawn[k] / drawn.sum():.0f} % of samples for {100 * source.test_weight:.0f} % of the test, "
                f"test loss {tested[k]:.2f}"
                for k, source in enumerate(case.sources)
            )
        )
    return ("; ".join(facts) + ".")[:MOST_LETTERS]


def _by_tenth(course: Course) -> np.ndarray:
    """Return (3, 10) float64: mean rate, training loss and gradient norm in each tenth of the samples."""
    steps = len(course.losses)
    if not steps:
        return np.tile(np.array([[course.rates[0]], [0.0], [0.0]]), 10)
    ends = np.cumsum(course.batches)[:steps]
    tenth = np.minimum(9, (ends - 1) * 10 // ends[-1])
    rows = np.array([course.rates[:steps], course.losses, course.norms])
    of_step = [np.flatnonzero(tenth == k) for k in range(10)]
    return np.stack([rows[:, at].mean(axis=1) if len(at) else rows[:, -1] for at in of_step], axis=1)
