"""Training of a small network whose rate, batch and data mix a program chooses step by step.

The verifier holds data, weights and the optimiser. The network has one hidden layer of 32 ReLU units and ten classes;
a step is stochastic gradient descent with momentum .9: v = .9 v + g, w = w - rate v, g the gradient of the mean
cross-entropy over the batch. What counts is the cross-entropy of the weights after the last step on clean test data.

No simpy: time is the number of the step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evolve.evaluator import Record

CLASSES, HIDDEN, DIM = 10, 32, 32
CUT = (DIM + 1) * HIDDEN
WEIGHTS = CUT + (HIDDEN + 1) * CLASSES
"""Weights of the first layer, and of both; the last row of each layer is its bias."""
BATCHES = (8, 16, 32, 64, 128)
MOMENTUM = 0.9
REMEMBERED = 0.9
"""Of a mean over steps with exponential weights, what is kept from one step to the next."""
CHANCE_LOSS = math.log(CLASSES)
WORST_LOSS = 3 * CHANCE_LOSS
"""No final loss counts for more, and a run whose numbers overflow has it."""
MOST_RATE = 10.0
"""Times the hint: a larger rate is taken for this one."""
MOST_WEIGHT = 1e9
"""Of a source in a mix."""


class Info(Record, frozen=True):
    """What a policy knows before it trains; K sources of data.

    budget: samples that it may draw.  lr_hint: the largest constant rate that is stable.  size: (K,) samples of each
    source; drawn more often, they repeat.  test_weight: (K,) share of each source in the test data; they sum to 1.
    """

    budget: int
    lr_hint: float
    size: list[int]
    test_weight: list[float]


class Step(Record, frozen=True):
    """What a policy sees before a step.

    t: number of the step, from 0.  samples_left: of the budget.  loss: mean cross-entropy of the last batch, before its
    step.  loss_ema: mean of those so far, a tenth of the weight on the last.  grad_norm: of the last step, 0 at first.
    source_loss: (K,) the same as loss_ema for the samples of each source.  source_drawn: (K,) samples drawn so far.
    Losses are ln 10 before the first batch.
    """

    t: int
    samples_left: int
    loss: float
    loss_ema: float
    grad_norm: float
    source_loss: list[float]
    source_drawn: list[int]


Choice = tuple[float, int, Sequence[float]]
"""Rate, batch, and a weight of each source."""


@dataclass(frozen=True)
class Task:
    """What one run trains on.

    x, y: of each source, (size, DIM + 1) float64 with 1 in the last column, and (size,) int64 classes.
    chance: (budget,) float64 in [0, 1): which source the n-th sample is from.  test_x, test_y: clean.
    test_source: (n,) int64.  weights: (WEIGHTS,) float64, before the first step.
    """

    x: tuple[np.ndarray, ...]
    y: tuple[np.ndarray, ...]
    chance: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    test_source: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Course:
    """How a run went. rates, batches, losses, norms: of every step.  drawn: (K,) samples of each source.

    test_loss: mean cross-entropy on the test data after the last step.  by_source: (K,) the same for each source.
    """

    rates: list[float]
    batches: list[int]
    losses: list[float]
    norms: list[float]
    drawn: list[int]
    test_loss: float
    by_source: list[float]

    @property
    def diverged(self) -> bool:
        """Return whether the network is no better than guessing."""
        return self.test_loss >= CHANCE_LOSS


def cross_entropy(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return (n,) float64: -log of what the network gives the right class.

    weights: (WEIGHTS,).  x: (n, DIM + 1) with 1 in the last column.  y: (n,) int64.
    """
    return _forward(weights, x, y)[0]


def _forward(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return losses (n,), shares of the classes (n, CLASSES), and what leaves the hidden layer, with a 1."""
    n = len(x)
    hidden = np.empty((n, HIDDEN + 1))
    np.maximum(x @ weights[:CUT].reshape(DIM + 1, HIDDEN), 0.0, out=hidden[:, :HIDDEN])
    hidden[:, HIDDEN] = 1.0
    logits = hidden @ weights[CUT:].reshape(HIDDEN + 1, CLASSES)
    logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(logits)
    total = shares.sum(axis=1)
    losses = np.log(total) - logits[np.arange(n), y]
    shares /= total[:, None]
    return losses, shares, hidden


def gradient(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the losses of a batch, (n,), and the gradient of their mean, (WEIGHTS,); see `cross_entropy`."""
    losses, shares, hidden = _forward(weights, x, y)
    n = len(x)
    shares[np.arange(n), y] -= 1.0
    shares /= n
    back = shares @ weights[CUT : CUT + HIDDEN * CLASSES].reshape(HIDDEN, CLASSES).T
    back *= hidden[:, :HIDDEN] > 0
    found = np.empty(WEIGHTS)
    np.matmul(x.T, back, out=found[:CUT].reshape(DIM + 1, HIDDEN))
    np.matmul(hidden.T, shares, out=found[CUT:].reshape(HIDDEN + 1, CLASSES))
    return losses, found


def train(task: Task, hint: float, decide: Callable[[Step], Choice]) -> Course:
    """Train until the budget is drawn; the last batch takes what is left of it.

    decide: asked before every step; a rate above MOST_RATE hints is taken for that.
    """
    sources, budget = len(task.x), len(task.chance)
    weights, velocity = task.weights.copy(), np.zeros(WEIGHTS)
    drawn, by_source = [0] * sources, [CHANCE_LOSS] * sources
    rates: list[float] = []
    batches: list[int] = []
    losses: list[float] = []
    norms: list[float] = []
    ema, done, finite = CHANCE_LOSS, 0, True
    with np.errstate(over="ignore", invalid="ignore"):
        while done < budget and finite:
            last, norm = (losses[-1], norms[-1]) if losses else (CHANCE_LOSS, 0.0)
            seen = Step(len(losses), budget - done, last, ema, norm, by_source.copy(), drawn.copy())
            rate, batch, mix = decide(seen)
            rate, batch = min(rate, MOST_RATE * hint), min(batch, budget - done)
            picked, counts = batch_of(task, task.chance[done : done + batch], mix, drawn)
            each, slope = gradient(weights, *picked)
            done += batch
            velocity *= MOMENTUM
            velocity += slope
            weights -= rate * velocity
            loss, norm = float(each.sum()) / batch, math.sqrt(float(slope @ slope))
            finite = math.isfinite(loss) and math.isfinite(norm)
            if finite:
                ema = _blend(ema, loss)
                first = 0
                for source, count in enumerate(counts):
                    if count:
                        mean = float(each[first : first + count].sum()) / count
                        by_source[source] = _blend(by_source[source], mean)
                        drawn[source] += count
                        first += count
                losses.append(loss)
                norms.append(norm)
            rates.append(rate)
            batches.append(batch)
        final = cross_entropy(weights, task.test_x, task.test_y)
    final = np.where(np.isfinite(final), final, np.inf)
    shown = [float(final[task.test_source == source].mean()) for source in range(sources)]
    return Course(
        rates,
        batches,
        losses,
        norms,
        drawn,
        min(WORST_LOSS, float(final.mean())),
        [min(WORST_LOSS, loss) for loss in shown],
    )


def _blend(mean: float, new: float) -> float:
    return REMEMBERED * mean + (1.0 - REMEMBERED) * new


def batch_of(
    task: Task, chance: np.ndarray, mix: Sequence[float], drawn: Sequence[int]
) -> tuple[tuple[np.ndarray, np.ndarray], list[int]]:
    """Return a batch, source by source, and how many of it are from each: each source is read in turn, over and over.

    chance: (n,) in [0, 1): a sample is from the first source at which the summed shares of the mix pass it.
    """
    n = len(chance)
    if len(mix) == 1:
        counts = [n]
    else:
        bounds = np.cumsum(mix, dtype=np.float64)
        bounds /= bounds[-1]
        below = np.searchsorted(np.sort(chance), bounds).tolist()
        last = max(source for source, weight in enumerate(mix) if weight > 0)
        below[last:] = [n] * (len(mix) - last)
        counts = [end - start for start, end in zip([0, *below], below, strict=False)]
    xs, ys = [], []
    for source, count in enumerate(counts):
        size, start = len(task.y[source]), drawn[source] % len(task.y[source])
        while count > 0:
            end = min(size, start + count)
            xs.append(task.x[source][start:end])
            ys.append(task.y[source][start:end])
            count, start = count - (end - start), 0
    if len(xs) == 1:
        return (xs[0], ys[0]), counts
    return (np.concatenate(xs), np.concatenate(ys)), counts
