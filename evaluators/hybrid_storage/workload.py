"""Our own traces: a drifting hot set, runs and one-touch scans, on four configurations of devices.

Pages come in extents of 1 to 16. A request goes to the hot set (Zipf over its extents, which are replaced one by one,
or all at once where the phase changes), or on with a sequential run of some extents, or to an extent that is never
touched again. Requests are Poisson, in bursts, at a share of what the slowest device could serve of them. Ranges are
those of the traces that Sibyl and Harmonia are measured on, as far as they are published: writes 5 to 97 %, 7 to 42
KB.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, TypeAlias, get_args

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.hybrid_storage.devices import CHEAP_SSD, DISK, OPTANE, PAGE_BYTES, SSD, Device, Request
from evaluators.hybrid_storage.traces import Trace
from evolve.evaluator import Split

Config: TypeAlias = Literal["performance", "cost", "three", "four"]
CONFIGS: tuple[Config, ...] = get_args(Config)
DEVICES: dict[Config, tuple[Device, ...]] = {
    "performance": (OPTANE, SSD),
    "cost": (OPTANE, DISK),
    "three": (OPTANE, SSD, DISK),
    "four": (OPTANE, SSD, CHEAP_SSD, DISK),
}
MIDDLE: dict[Config, tuple[float, ...]] = {"performance": (), "cost": (), "three": (0.3,), "four": (0.2, 0.3)}
"""Shares of the pages that the devices between the fastest and the slowest hold."""
BURST, QUIET = 1.5, 0.75
"""Rates of one half of the requests and of the other, of the mean one."""
PERIOD = 300
"""Requests of a burst and the quiet time after it."""


@dataclass(frozen=True)
class Recipe:
    """How a trace is drawn; each pair is a range.

    config: of devices.  fast_pct: pages that the fastest device holds, of all.  requests: how many.
    hot: share of requests that go to the hot set.  hot_extents: its size.  slope: of Zipf.  half_life: requests after
    which half of it is replaced.  write: share of writes.  load: of the slowest device.
    phases: whether the whole hot set is replaced at two thirds of the trace.
    """

    config: Config = "performance"
    fast_pct: int = 10
    requests: int = 4000
    hot: tuple[float, float] = (0.5, 0.85)
    hot_extents: tuple[int, int] = (60, 200)
    slope: tuple[float, float] = (0.5, 1.1)
    half_life: tuple[float, float] = (2000.0, 10000.0)
    write: tuple[float, float] = (0.05, 0.97)
    load: tuple[float, float] = (0.1, 0.35)
    phases: bool = False


RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        Recipe(),
        Recipe(fast_pct=40),
        Recipe("cost"),
        Recipe("cost", 30),
        Recipe("three"),
        Recipe("four"),
        Recipe("performance", 20, phases=True),
    ),
    Split.VALIDATION: (
        *[Recipe()] * 2,
        *[Recipe(fast_pct=40)] * 2,
        *[Recipe("cost")] * 2,
        *[Recipe("cost", 30)] * 2,
        Recipe("three"),
        Recipe("performance", 20, phases=True),
        Recipe("three", 20, load=(0.2, 0.45)),
        *[Recipe("four")] * 2,
        Recipe("four", 20),
        Recipe("cost", phases=True),
        Recipe("performance", 20, load=(0.2, 0.45)),
    ),
    Split.TEST: (
        Recipe(phases=True),
        Recipe(fast_pct=20, load=(0.35, 0.5)),
        Recipe("performance", 40, hot=(0.8, 0.95)),
        Recipe("cost", phases=True),
        Recipe("cost", 20, hot=(0.3, 0.5)),
        Recipe("three", phases=True),
        Recipe("four"),
        Recipe("four", 20, load=(0.35, 0.5)),
    ),
}


def shares_of(config: Config, fast_pct: int) -> tuple[float, ...]:
    """Return the shares of all pages that the devices but the slowest hold."""
    return (fast_pct / 100, *MIDDLE[config])


def own_trace(split: Split, index: int, attempt: int) -> Trace:
    """Return one draw of an own trace; the same for the same arguments, in every process."""
    return drawn_trace(split, f"{split}/{index}", index, attempt)


def drawn_trace(split: Split, name: str, slot: int, attempt: int) -> Trace:
    """Return a trace by the recipe of one of a split's own. All chance depends on its name, which is its id."""
    recipe = RECIPES[split][slot]
    draw = partial(_drawn, recipe, f"hybrid_storage/{name}/{attempt}")
    return Trace(name, draw, DEVICES[recipe.config], shares_of(recipe.config, recipe.fast_pct))


@cache
def _drawn(recipe: Recipe, key: str) -> tuple[Request, ...]:
    rng = stream(key)
    count = recipe.requests
    size = min(15.0, float(rng.uniform(1.0, 8.0)))
    extents: list[tuple[int, int]] = []

    def extent() -> int:
        """Lay out a new extent after all others."""
        first = sum(extents[-1]) if extents else 0
        extents.append((first, int(min(16, rng.geometric(1 / size)))))
        return len(extents) - 1

    hot = [extent() for _ in range(int(rng.integers(recipe.hot_extents[0], recipe.hot_extents[1] + 1)))]
    weight = np.arange(1, len(hot) + 1) ** -rng.uniform(*recipe.slope)
    ranks = rng.choice(len(hot), count, p=weight / weight.sum()).tolist()
    share, writes = rng.uniform(*recipe.hot), rng.uniform(*recipe.write)
    replaced = len(hot) * np.log(2) / rng.uniform(*recipe.half_life)
    shuffled = rng.permutation(len(hot)).tolist()
    chosen, run, left = [], 0, 0
    for number in range(count):
        if recipe.phases and number == 2 * count // 3:
            hot = [extent() for _ in hot]
        for _ in range(int(rng.poisson(replaced))):
            hot[int(rng.integers(len(hot)))] = extent()
        if rng.random() < share:
            chosen.append(hot[shuffled[ranks[number]]])
        elif left and run + 1 < len(extents):
            run, left = run + 1, left - 1
            chosen.append(run)
        elif rng.random() < 0.3:
            run, left = int(rng.integers(len(extents))), int(rng.integers(2, 9))
            chosen.append(run)
        else:
            chosen.append(extent())
    slowest = DEVICES[recipe.config][-1]
    mean_pages = np.mean([extents[one][1] for one in chosen])
    served_us = slowest.read_us + mean_pages * PAGE_BYTES / slowest.read_mb_s
    gaps = rng.exponential(served_us / rng.uniform(*recipe.load), count)
    gaps /= np.where(np.arange(count) % PERIOD < PERIOD // 2, BURST, QUIET)
    times = np.cumsum(gaps).astype(np.int64)
    times = (times - times[0]).tolist()
    kinds = (rng.random(count) < writes).tolist()
    return tuple(Request(t, *extents[one], kind) for t, one, kind in zip(times, chosen, kinds, strict=True))
