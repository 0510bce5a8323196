"""Drawing the runs of a window, and zones that differ from those that a model was fitted to."""

from __future__ import annotations

import random
from collections.abc import Sequence

from evaluators.spot_traces.runs import Terms, ticks_needed
from evaluators.spot_traces.semi_markov import Stretch, Zone

Range = tuple[float, float]
"""Least and most."""

OVERHEAD_STEP_S = 15
"""Overheads are multiples of it, as all tick lengths are: work stays in whole units, which keeps the optimum cheap."""


def overhead_s(overhead_h: Range, share: float) -> int:
    """Return the overhead that is so far from the least to the most, in equal ratios, s.  share: 0 to 1."""
    least, most = overhead_h
    ratio: float = (most / least) ** share
    return round(3600 * least * ratio / OVERHEAD_STEP_S) * OVERHEAD_STEP_S


def task_s(task_h: Range, slack: float, overhead_s: int, tick_s: int, most_ticks: int, rng: random.Random) -> int:
    """Draw a task, s: shorter than `task_h` says where its run would need more than `most_ticks` ticks.

    slack: how much longer than the task the deadline is, as a share of the task.
    """
    spare_ticks = ticks_needed(Terms(0, 0, overhead_s), tick_s) + 1
    fits_h = (most_ticks - spare_ticks) * tick_s / 3600 / (1 + slack)
    least, most = task_h
    return round(rng.uniform(min(least, fits_h / 2), min(most, fits_h)) * 12) * 300


def terms(task_s: int, slack: float, overhead_s: int) -> Terms:
    """Return the terms of a run with a slack, whose deadline is in whole minutes."""
    return Terms(round(task_s * (1 + slack) / 60) * 60, task_s, overhead_s)


def shifted(zones: Sequence[Zone], ups: Sequence[float], downs: Sequence[float], rng: random.Random) -> Zone:
    """Draw one of the zones and what is added to the log of its hours with and without spot."""
    zone = rng.choice(zones)
    up = Stretch(zone.up.mu + rng.choice(ups), zone.up.sigma)
    down = Stretch(zone.down.mu + rng.choice(downs), zone.down.sigma)
    return Zone(up, down)
