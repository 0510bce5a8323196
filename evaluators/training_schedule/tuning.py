"""Many schedules of one run at once: the reference is the best of those that are named, tuned in hindsight.

All draw the same batches, so that they train side by side in one array operation. Nothing here is asked of a program.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluators.training_schedule.schedules import SHAPES, Shape, constant, linear
from evaluators.training_schedule.training import (
    CLASSES,
    CUT,
    DIM,
    HIDDEN,
    MOMENTUM,
    WORST_LOSS,
    Task,
    batch_of,
    cross_entropy,
)
from evaluators.training_schedule.workload import NOISE, UNIT, Case

GRID = (0.25, 0.5, 0.75, 1.0)
"""Peaks that are tried, times the hint."""
NAIVE_PEAK = 0.25
"""Of the constant rates of GRID, the one that is best on train."""
OFF_TARGET = 1.0
"""Moved by this or more, a source is off the target."""


def mixes(case: Case) -> list[list[float]]:
    """Return the mixes that are tried: by size, by test weight, and that without the noisy and the far source."""
    size = [float(source.size) for source in case.sources]
    if len(size) == 1:
        return [size]
    wanted = [source.test_weight for source in case.sources]
    good = [source.noise <= NOISE and source.moved < OFF_TARGET for source in case.sources]
    return [size, wanted, [weight * one for weight, one in zip(wanted, good, strict=True)]]


def naive_loss(case: Case) -> float:
    """Return the loss of the constant rate with data by size, mean over the runs of a case."""
    return float(losses(case, [(constant, NAIVE_PEAK)], mixes(case)[0])[0])


def best_named(case: Case) -> tuple[str, float]:
    """Return the best of the named schedules and its loss; the mix is chosen first, under a linear decay."""
    mix = min(mixes(case), key=lambda one: losses(case, [(linear, peak) for peak in GRID], one).min())
    tried = [(name, peak) for name in SHAPES for peak in GRID]
    found = losses(case, [(SHAPES[name], peak) for name, peak in tried], mix)
    name, peak = tried[int(found.argmin())]
    return f"{name} at {peak:g}", float(found.min())


def losses(case: Case, schedules: Sequence[tuple[Shape, float]], mix: Sequence[float]) -> np.ndarray:
    """Return the test loss of each schedule, a shape and its peak in hints, mean over the runs of a case."""
    steps = case.recipe.steps
    shares = np.array([[peak * shape(t / steps) for t in range(steps)] for shape, peak in schedules])
    rates = np.maximum(case.info.lr_hint * shares, 1e-12)
    return np.mean([side_by_side(case.task(run), rates, mix) for run in range(case.recipe.runs)], axis=0)


def side_by_side(task: Task, rates: np.ndarray, mix: Sequence[float]) -> np.ndarray:
    """Return (S,) float64: the test losses of a run in batches of 16 under S schedules. rates: (S, steps)."""
    count, places = len(rates), np.arange(UNIT)
    first = np.repeat(task.weights[None, :CUT].reshape(1, DIM + 1, HIDDEN), count, axis=0)
    second = np.repeat(task.weights[None, CUT:].reshape(1, HIDDEN + 1, CLASSES), count, axis=0)
    slow = [np.zeros_like(first), np.zeros_like(second)]
    hidden = np.ones((count, UNIT, HIDDEN + 1))
    drawn = [0] * len(task.x)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(rates.shape[1]):
            (x, y), counts = batch_of(task, task.chance[t * UNIT : (t + 1) * UNIT], mix, drawn)
            drawn = [before + more for before, more in zip(drawn, counts, strict=True)]
            np.maximum(x @ first, 0.0, out=hidden[:, :, :HIDDEN])
            logits = hidden @ second
            shares = np.exp(logits - logits.max(axis=2, keepdims=True))
            shares /= shares.sum(axis=2, keepdims=True)
            shares[:, places, y] -= 1.0
            shares /= UNIT
            back = shares @ second[:, :HIDDEN].transpose(0, 2, 1)
            back *= hidden[:, :, :HIDDEN] > 0
            slopes = (x.T @ back, hidden.transpose(0, 2, 1) @ shares)
            for layer, velocity, slope in zip((first, second), slow, slopes, strict=True):
                velocity *= MOMENTUM
                velocity += slope
                layer -= rates[:, t, None, None] * velocity
        ends = np.concatenate([first.reshape(count, -1), second.reshape(count, -1)], axis=1)
        found = [float(cross_entropy(end, task.test_x, task.test_y).mean()) for end in ends]
    return np.array([min(WORST_LOSS, loss) if np.isfinite(loss) else WORST_LOSS for loss in found])
