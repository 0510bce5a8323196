"""A two-state semi-Markov model of spot availability: fitted to real traces, drawn from for synthetic ones.

Lengths of the stretches with and without spot are log-normal, each with its own mean and spread, and swing with the
time of day by 20 %: stretches with spot are longest at one hour of the day, those without are shortest then.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

SWING = 0.2
LONGEST_H = 400.0
"""Cap on one stretch, so that a draw from the far tail does not outlast every window."""


@dataclass(frozen=True)
class Stretch:
    """Log-normal length of a stretch: mean and standard deviation of the log of its hours."""

    mu: float
    sigma: float

    @property
    def mean_h(self) -> float:
        """Mean length, hours."""
        return math.exp(self.mu + self.sigma**2 / 2)


@dataclass(frozen=True)
class Zone:
    """Stretches with and without spot."""

    up: Stretch
    down: Stretch


def fit(pieces: Sequence[bytes], tick_s: int) -> Zone:
    """Fit a zone to the pieces of a trace, one byte per tick.

    The first and the last stretch of a piece are cut by its ends and left out. Rounded to two decimals, so that the
    last bit of a platform's `log` moves no tick of a workload.
    """
    stretches: list[tuple[int, int]] = []
    for piece in pieces:
        stretches += [(state, sum(1 for _ in group)) for state, group in itertools.groupby(piece)][1:-1]

    def of(state: int) -> Stretch:
        logs = [math.log(ticks * tick_s / 3600) for s, ticks in stretches if s == state]
        return Stretch(round(fmean(logs), 2), round(pstdev(logs), 2))

    return Zone(of(1), of(0))


def draw(zone: Zone, tick_s: int, ticks: int, rng: random.Random) -> bytes:
    """Draw a trace of `ticks` ticks, one byte each, 1 = spot available.

    It starts at a random hour of the day, in a stretch drawn by how much of the time each state takes, somewhere
    within it.
    """
    hour, best_hour = rng.uniform(0, 24), rng.uniform(0, 24)
    state = int(rng.random() < zone.up.mean_h / (zone.up.mean_h + zone.down.mean_h))
    passed = rng.random()
    trace = bytearray()
    while len(trace) < ticks:
        stretch = zone.up if state else zone.down
        now_h = hour + len(trace) * tick_s / 3600
        swing = SWING * math.cos(2 * math.pi * (now_h - best_hour) / 24)
        length_h = min(rng.lognormvariate(stretch.mu, stretch.sigma), LONGEST_H)
        length_h *= (1 + swing if state else 1 - swing) * (1 - passed)
        trace += bytes([state]) * max(1, round(length_h * 3600 / tick_s))
        state, passed = 1 - state, 0.0
    return bytes(trace[:ticks])
