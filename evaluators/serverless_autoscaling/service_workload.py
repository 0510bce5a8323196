"""Hours of a service: requests with a slow wave, bursts and noise, and a knee that nobody is told.

The number of requests of a tick is negative binomial about a mean that follows two sines and jumps; on test, jumps are
larger and the mean moves faster. The knee is between three tenths of the default limit of 100 and one and a half times
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.serverless_autoscaling.service import TICK_S, Hour, Load
from evolve.evaluator import Split

TICKS = 1800


@dataclass(frozen=True)
class HourRecipe:
    """How an hour is drawn; each pair is a range.

    rate: mean requests in progress at once, without any slowing down.  knee: see service.py.  base_s: of a request.
    start_ticks: of a replica.  wave: share of the mean by which it rises and falls.  jumps: how many, and by which
    factor at most.  scatter: variance over mean of the requests of a tick.
    """

    rate: tuple[float, float] = (150.0, 600.0)
    knee: tuple[float, float] = (50.0, 150.0)
    base_s: tuple[float, float] = (0.3, 0.7)
    start_ticks: tuple[int, int] = (2, 5)
    wave: float = 0.4
    jumps: tuple[int, float] = (3, 2.0)
    scatter: float = 4.0


HOURS: dict[Split, tuple[HourRecipe, ...]] = {
    Split.TRAIN: (*[HourRecipe()] * 3, HourRecipe(knee=(30, 60)), HourRecipe(jumps=(8, 2.5))),
    Split.VALIDATION: (*[HourRecipe()] * 6, *[HourRecipe(knee=(30, 60))] * 2, *[HourRecipe(jumps=(8, 2.5))] * 4),
    Split.TEST: (
        *[HourRecipe()] * 2,
        HourRecipe(knee=(30, 45)),
        HourRecipe(knee=(110, 150)),
        *[HourRecipe(jumps=(10, 3.0), start_ticks=(4, 8))] * 2,
        HourRecipe(wave=0.7, scatter=10.0),
        HourRecipe(rate=(800, 1500)),
    ),
}


def own_hour(split: Split, index: int, attempt: int) -> Hour:
    """Return one draw of an own hour; the same for the same arguments, in every process."""
    return drawn_hour(split, f"{split}/{index}", index, attempt)


def drawn_hour(split: Split, name: str, slot: int, attempt: int) -> Hour:
    """Return an hour by the recipe of one of a split's own. All chance depends on its name, which is its id."""
    return Hour(name, partial(_drawn, HOURS[split][slot], f"serverless_autoscaling/concurrency/{name}/{attempt}"))


@cache
def _drawn(recipe: HourRecipe, key: str) -> Load:
    shown, hidden = stream(f"{key}/shown"), stream(f"{key}/calls")
    base_s = round(float(shown.uniform(*recipe.base_s)), 3)
    start_ticks = int(shown.integers(recipe.start_ticks[0], recipe.start_ticks[1] + 1))
    knee = round(float(np.exp(hidden.uniform(*np.log(recipe.knee)))), 2)
    at_once = float(hidden.uniform(*recipe.rate))
    t = np.arange(TICKS)
    level = np.ones(TICKS)
    for period in hidden.uniform(300, 1800, 2):
        level += 0.5 * recipe.wave * np.sin(2 * np.pi * (t / period + hidden.random()))
    count, factor = recipe.jumps
    for start in hidden.integers(0, TICKS, count):
        length = int(hidden.integers(15, 150))
        level[start : start + length] *= hidden.uniform(1.2, factor)
    mean = at_once * TICK_S / base_s * np.maximum(level, 0.1)
    arrived = hidden.negative_binomial(mean / (recipe.scatter - 1), 1 / recipe.scatter)
    return Load(arrived.astype(np.int64), base_s, knee, start_ticks, max(1, round(at_once / 70)))
