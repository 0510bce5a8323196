"""The windows of the splits: half cut from real traces, half drawn from the model fitted to them.

No tick is in two splits. Of each zone that train sees, train has the first 60 % of the ticks, validation the next
20 %, test the last 20 %; test also has zones that train never sees. The stretch that the public windows are cut from
belongs to none of them. Test also has other tick lengths, tasks, slacks, overheads and stretches of availability.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluators.spot_single.mechanics import Window
from evaluators.spot_single.public_windows import public_windows
from evaluators.spot_traces import semi_markov
from evaluators.spot_traces.bundled import bundled_traces
from evaluators.spot_traces.runs import Terms, ticks_needed
from evolve.evaluator import Split

UNSEEN_ZONES = (
    "aws-02-15-2023/us-east-1d_v100_1",
    "aws-02-15-2023/us-east-2b_v100_1",
    "aws-02-15-2023/us-west-2b_v100_1",
    "aws-10-26-2022/us-west-2a_k80_1",
    "aws-10-26-2022/us-west-2b_v100_8",
)
"""Zones kept for test: three of different availability, and the two that no public window is cut from."""


@dataclass(frozen=True)
class Recipe:
    """How the windows of a split are drawn; ranges are (least, most).

    task_h: hours of work; fewer where a window of `most_ticks` short ticks could not hold them.
    slack: how much longer than the task the deadline is, as a share of the task; one draw from each half of the range.
    overhead_h: hours lost at a start; one draw from each third of the range, in equal ratios.
    up_shifts, down_shifts: what is added to the log of the hours of stretches with and without spot, one of each.
    """

    count: int
    ticks_s: tuple[int, ...]
    most_ticks: int
    task_h: tuple[float, float]
    slack: tuple[float, float]
    overhead_h: tuple[float, float]
    up_shifts: tuple[float, ...]
    down_shifts: tuple[float, ...]


RECIPES: Mapping[Split, Recipe] = {
    Split.TRAIN: Recipe(16, (195, 600), 500, (24, 48), (0.08, 0.45), (0.02, 0.2), (0.0,), (0.0,)),
    Split.VALIDATION: Recipe(16, (195, 600), 600, (20, 56), (0.06, 0.5), (0.02, 0.25), (-0.25, 0.25), (-0.25, 0.25)),
    Split.TEST: Recipe(24, (195, 300, 600), 1000, (12, 96), (0.04, 0.6), (0.02, 0.4), (-0.8, -0.4, 0.6), (-0.6, 0.7)),
}
"""Every pair of two slacks and three overheads is a run, as in the public benchmark: six runs a window."""

OVERHEAD_STEP_S = 15
"""Overheads are multiples of it, as all tick lengths are: work stays in whole units, which keeps the optimum cheap."""


def part_of(zone: str, split: Split) -> tuple[int, int]:
    """Return the ticks [first, end) of a zone's trace that a split may cut windows from; empty when none."""
    ticks = len(bundled_traces()[zone].available)
    public = public_windows()
    is_public = zone.partition("/")[2] in public.zones and zone.startswith(public.traces)
    first = max(public.start_ticks) + public.length_ticks if is_public else 0
    if zone in UNSEEN_ZONES:
        return (0, ticks) if split is Split.TEST else (0, 0)
    bounds = {
        Split.TRAIN: (first, ticks * 6 // 10),
        Split.VALIDATION: (ticks * 6 // 10, ticks * 8 // 10),
        Split.TEST: (ticks * 8 // 10, ticks),
        Split.PUBLIC: (0, first),
    }
    return bounds[split]


@functools.cache
def fitted_zones() -> tuple[semi_markov.Zone, ...]:
    """Return the model of every zone that train sees, fitted to train's part of it."""
    zones = []
    for zone, trace in bundled_traces().items():
        first, end = part_of(zone, Split.TRAIN)
        if end > first:
            zones.append(semi_markov.fit([trace.available[first:end]], trace.tick_s))
    return tuple(zones)


def own_window(split: Split, index: int, attempt: int) -> Window:
    """Return an instance of train, validation or test. attempt: counts the redraws; see reference.py."""
    recipe = RECIPES[split]
    rng = random.Random(f"spot_single/{split.value}/{index}/{attempt}")
    name = f"{split.value}/{index}"
    if index % 2:
        return _synthetic(name, recipe, rng)
    return _real(name, split, recipe, rng, index // 2 + attempt)


def _real(name: str, split: Split, recipe: Recipe, rng: random.Random, turn: int) -> Window:
    known = [zone for zone in bundled_traces() if zone not in UNSEEN_ZONES]
    random.Random(f"spot_single/{split.value}/zones").shuffle(known)
    pools: Sequence[Sequence[str]] = (UNSEEN_ZONES, known) if split is Split.TEST else (known,)
    pool = pools[turn % len(pools)]
    trace = bundled_traces()[pool[turn // len(pools) % len(pool)]]
    first, end = part_of(trace.zone, split)
    runs = _terms(recipe, trace.tick_s, min(end - first, recipe.most_ticks), rng)
    length = max(ticks_needed(terms, trace.tick_s) for terms in runs)
    start = rng.randint(first, end - length)
    return Window(name, trace.zone, start, trace.tick_s, trace.available[start : start + length], runs)


def _synthetic(name: str, recipe: Recipe, rng: random.Random) -> Window:
    tick_s = rng.choice(recipe.ticks_s)
    runs = _terms(recipe, tick_s, recipe.most_ticks, rng)
    zone = rng.choice(fitted_zones())
    up = semi_markov.Stretch(zone.up.mu + rng.choice(recipe.up_shifts), zone.up.sigma)
    down = semi_markov.Stretch(zone.down.mu + rng.choice(recipe.down_shifts), zone.down.sigma)
    length = max(ticks_needed(terms, tick_s) for terms in runs)
    available = semi_markov.draw(semi_markov.Zone(up, down), tick_s, length, rng)
    return Window(name, "synthetic", 0, tick_s, available, runs)


def _terms(recipe: Recipe, tick_s: int, most_ticks: int, rng: random.Random) -> tuple[Terms, ...]:
    """Draw the runs of a window that has at most `most_ticks` ticks."""
    least, most = recipe.slack
    middle = (least + most) / 2
    slacks = rng.uniform(least, middle), rng.uniform(middle, most)
    least, most = recipe.overhead_h
    overheads_s = [
        round(3600 * least * (most / least) ** rng.uniform(i / 3, (i + 1) / 3) / OVERHEAD_STEP_S) * OVERHEAD_STEP_S
        for i in range(3)
    ]
    spare_ticks = ticks_needed(Terms(0, 0, overheads_s[-1]), tick_s) + 1
    fits_h = (most_ticks - spare_ticks) * tick_s / 3600 / (1 + slacks[-1])
    least, most = recipe.task_h
    task_s = round(rng.uniform(min(least, fits_h / 2), min(most, fits_h)) * 12) * 300
    return tuple(Terms(round(task_s * (1 + slack) / 60) * 60, task_s, h) for slack in slacks for h in overheads_s)


def public_instances() -> list[Window]:
    """Return the 180 windows of the public benchmark, six runs each, zone by zone."""
    table = public_windows()
    runs = public_terms(table.overheads_h)
    windows = []
    for zone in table.zones:
        trace = bundled_traces()[f"{table.traces}/{zone}"]
        for number, start in enumerate(table.start_ticks):  # one start is drawn twice, and counts twice
            available = trace.available[start : start + table.length_ticks]
            windows.append(Window(f"public/{zone}/{number}", trace.zone, start, table.tick_s, available, runs))
    return windows


def public_terms(overheads_h: Sequence[float]) -> tuple[Terms, ...]:
    """Return the runs of a public window with these overheads, hours."""
    table = public_windows()
    return tuple(
        Terms(round(deadline_h * 3600), round(table.task_h * 3600), round(overhead_h * 3600))
        for deadline_h in table.deadlines_h
        for overhead_h in overheads_h
    )
