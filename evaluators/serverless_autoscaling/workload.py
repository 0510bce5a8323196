"""Our own days, fitted to 1,000 functions of the Azure day, and that day in parts.

Calls a day are lognormal (base 10: 2.15, 1.41) in 1 to 14,400. Of the functions with ten or more, 35 % are periodic
(a cron job: the period, a minute of jitter, one in fifty missed); the others have gaps of a drawn coefficient of
variation or, if busy, counts per minute of a drawn ratio of variance and mean. The level changes hour by hour within a
quarter. Durations are lognormal seconds (-.38, 2.36), memory is Burr XII (11.65, .221, 107 MB; Shahrad et al. 2020),
cold starts are lognormal with a median of 1 s and log-sd .8, correlated .5 with the log of memory (Joosen et al. 2025
log up to 7 s in one region and 3 s in another).
"""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from statistics import NormalDist

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.serverless_autoscaling.functions import Calls, Day
from evolve.evaluator import Split

AZURE = Path(__file__).parent / "data" / "day.txt.xz"
MINUTES = 1440
PART = 200
"""Functions of an instance."""
MOST_CALLS = 14_400
PERIODS = {1: 0.54, 60: 0.14, 5: 0.09, 3: 0.07, 10: 0.04, 30: 0.04, 15: 0.03, 2: 0.02}
"""Minutes, and their share among the periodic functions; what is left of 1 is shared out in proportion."""
OTHER_PERIODS = {7: 0.15, 12: 0.15, 20: 0.2, 45: 0.2, 60: 0.1, 90: 0.1, 120: 0.1}
MISSED = 0.02
GAP_CV = ((0.0, 0.05), (0.25, 0.12), (0.5, 0.98), (0.75, 1.9), (0.9, 3.1), (1.0, 4.5))
"""(quantile, coefficient of variation) of the gaps of functions that are neither periodic nor busy."""
BUSY = 720
"""Calls a day from which on a function has counts per minute instead of gaps."""
BURR_C, BURR_K, BURR_MB = 11.65, 0.221, 107.0
LEAST_MB, MOST_MB = 50, 4000


@dataclass(frozen=True)
class Recipe:
    """How a day is drawn.

    functions: how many.  periods: of the periodic ones.  changing: share of these whose period changes at noon.
    late: share of all functions that are first called in the afternoon.  crowd: whether in one hour a fifth of the
    functions gets ten times its calls.
    """

    functions: int = PART
    periods: str = "azure"
    changing: float = 0.0
    late: float = 0.0
    crowd: bool = False


OTHER = Recipe(periods="other")
TEST_DAY = Recipe(periods="other", changing=0.3, late=0.1)
RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (*[Recipe()] * 4, OTHER),
    Split.VALIDATION: (*[Recipe()] * 7, *[OTHER] * 2, TEST_DAY),
    Split.TEST: (
        Recipe(late=0.1),
        Recipe(crowd=True),
        Recipe(crowd=True, late=0.1),
        Recipe(changing=0.3),
        Recipe(periods="other", crowd=True),
        *[TEST_DAY] * 3,
    ),
}


def own_day(split: Split, index: int, attempt: int) -> Day:
    """Return one draw of an own day; the same for the same arguments, in every process."""
    return drawn_day(split, f"{split}/{index}", index, attempt)


def drawn_day(split: Split, name: str, slot: int, attempt: int) -> Day:
    """Return a day by the recipe of one of a split's own. All chance depends on its name, which is its id."""
    return Day(name, partial(_drawn, RECIPES[split][slot], f"serverless_autoscaling/{name}/{attempt}"))


@cache
def _drawn(recipe: Recipe, key: str) -> Calls:
    mem_mb, cold_start_ms = shown(stream(f"{key}/shown"), recipe.functions)
    hidden = stream(f"{key}/calls")
    # The day ends when nobody expects it: who stops all instances just before gains nothing by knowing when.
    minutes = MINUTES - int(hidden.integers(0, 61))
    seconds = np.exp(hidden.normal(-0.38, 2.36, recipe.functions))
    calls = np.stack([_calls(hidden, recipe) for _ in range(recipe.functions)], axis=1)
    if recipe.crowd:
        hour = int(hidden.integers(6, 20)) * 60
        calls[hour : hour + 60, hidden.random(recipe.functions) < 0.2] *= 10
    return Calls(calls[:minutes], np.clip(1000 * seconds, 1, 600_000).astype(np.int64), mem_mb, cold_start_ms)


def shown(rng: np.random.Generator, functions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return memory, MB, and cold starts, ms, of functions, (F,) int64 each."""
    normal = rng.normal(size=(2, functions))
    below = np.array([NormalDist().cdf(z) for z in normal[0].tolist()])
    memory = BURR_MB * ((1 - below) ** (-1 / BURR_K) - 1) ** (1 / BURR_C)
    cold_s = np.exp(0.8 * (0.5 * normal[0] + np.sqrt(0.75) * normal[1]))
    return (
        np.clip(memory, LEAST_MB, MOST_MB).astype(np.int64),
        np.clip(1000 * cold_s, 50, 20_000).astype(np.int64),
    )


def _calls(rng: np.random.Generator, recipe: Recipe) -> np.ndarray:
    """Draw (MINUTES,) calls of one function."""
    number = int(np.clip(10 ** rng.normal(2.15, 1.41), 1, MOST_CALLS))
    if number >= 10 and rng.random() < 0.35:
        calls = _periodic(rng, recipe, number)
    elif number >= BUSY:
        calls = _busy(rng, number)
    else:
        calls = _sparse(rng, number)
    if rng.random() < recipe.late:
        calls[: MINUTES // 2] = 0
    return calls


def _periodic(rng: np.random.Generator, recipe: Recipe, number: int) -> np.ndarray:
    mix = PERIODS if recipe.periods == "azure" else OTHER_PERIODS
    choices, shares = np.array(list(mix)), np.array(list(mix.values()))
    before, after = rng.choice(choices, 2, p=shares / shares.sum()).tolist()
    if rng.random() >= recipe.changing:
        after = before
    late, jitter, noon = rng.random(), int(rng.integers(0, 2)), MINUTES // 2
    calls = np.zeros(MINUTES, dtype=np.int64)
    for first, end, period in ((0, noon, before), (noon, MINUTES, after)):
        at = np.arange(int(late * period) % period, MINUTES, period)
        at = at[(at >= first) & (at < end) & (rng.random(len(at)) >= MISSED)]
        if period > 2:
            at = np.minimum(at + rng.integers(0, jitter + 1, len(at)), end - 1)
        calls[at] = max(1, round(number * period / MINUTES))
    return calls


def _busy(rng: np.random.Generator, number: int) -> np.ndarray:
    """Draw negative binomial counts; the ratio of variance and mean has a median of 9, one in ten is over 400."""
    mean = number / MINUTES * np.repeat(rng.uniform(0.75, 1.25, MINUTES // 60), 60)
    ratio = 1.0 + float(np.exp(np.clip(rng.normal(np.log(9.0), 2.96), -3.0, 6.0)))
    return rng.negative_binomial(np.maximum(mean / (ratio - 1), 1e-6), 1 / ratio).astype(np.int64)


def _sparse(rng: np.random.Generator, number: int) -> np.ndarray:
    """Draw a renewal process with gamma gaps, which the level of the hour makes longer or shorter."""
    quantiles, values = zip(*GAP_CV, strict=True)
    cv = float(np.interp(rng.random(), quantiles, values))
    shape = 1 / cv**2
    mean = MINUTES / number
    gaps = rng.gamma(shape, mean / shape, int(2 * number + 20 * cv * cv + 20))
    at = np.cumsum(gaps) - rng.random() * gaps[0]
    level = np.cumsum(np.repeat(rng.uniform(0.75, 1.25, MINUTES // 60), 60))
    minutes = np.searchsorted(level, at[at < level[-1]])
    if not len(minutes):
        minutes = rng.integers(0, MINUTES, 1)
    return np.bincount(minutes, minlength=MINUTES)[:MINUTES].astype(np.int64)


@cache
def public_days() -> tuple[Day, ...]:
    """Return the Azure day in parts of 200 functions; memory and cold starts are drawn."""
    return tuple(Day(f"public/azure-{k}", partial(azure, k * PART, PART), generated=False) for k in range(5))


@cache
def azure(first: int, count: int) -> Calls:
    """Return functions of the Azure day."""
    rows = lzma.decompress(AZURE.read_bytes()).decode("ascii").splitlines()[1:]
    calls, duration_ms = np.zeros((MINUTES, len(rows)), dtype=np.int64), []
    for k, row in enumerate(rows):
        duration, *cells = row.split()
        duration_ms.append(int(duration))
        for cell in cells:
            minute, number = cell.split(":")
            calls[int(minute), k] = int(number)
    mem_mb, cold_start_ms = shown(stream("serverless_autoscaling/public"), len(rows))
    part = slice(first, first + count)
    durations = np.clip(np.array(duration_ms), 1, 600_000)
    return Calls(calls[:, part], durations[part], mem_mb[part], cold_start_ms[part])
