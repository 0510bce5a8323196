"""The windows of the splits: half cut from real traces, half drawn from the model fitted to them.

No tick is in two splits. Of each zone that train sees, train has the first 60 % of the ticks, validation the next
20 %, test the last 20 %; test also has zones that train never sees. The stretch that the public windows are cut from
belongs to none of them. Ticks, tasks, slacks and overheads have the same ranges in all splits. Test is shifted on
purpose in the one thing that no policy can know, how long spot stays and stays away: up to twice as long and half as
long.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluators.spot_single.mechanics import Window
from evaluators.spot_single.public_windows import public_windows
from evaluators.spot_traces import drawing, semi_markov
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
    split: Recipe(count, (195, 300, 600), 1000, (12, 96), (0.04, 0.6), (0.02, 0.4), up_shifts, down_shifts)
    for split, count, up_shifts, down_shifts in (
        (Split.TRAIN, 16, (-0.3, 0.0, 0.3), (-0.3, 0.0, 0.3)),
        (Split.VALIDATION, 32, (-0.4, 0.4), (-0.4, 0.4)),
        (Split.TEST, 24, (-0.8, -0.4, 0.6), (-0.6, 0.7)),
    )
}
"""Every pair of two slacks and three overheads is a run, as in the public benchmark: six runs a window."""


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
    return drawn_window(split, f"{split.value}/{index}", index, attempt)


def drawn_window(split: Split, name: str, index: int, attempt: int) -> Window:
    """Draw a window as that of a split with an index is drawn.

    name: what chance depends on. Terms and traces have streams of their own: who knows the terms knows nothing of the
    trace.
    """
    recipe, seed = RECIPES[split], f"spot_single/{name}/{attempt}"
    if index % 2:
        return _synthetic(name, recipe, seed)
    return _real(name, split, recipe, seed, index // 2 + attempt)


def _real(name: str, split: Split, recipe: Recipe, seed: str, turn: int) -> Window:
    known = [zone for zone in bundled_traces() if zone not in UNSEEN_ZONES]
    random.Random(f"spot_single/{split.value}/zones").shuffle(known)
    pools: Sequence[Sequence[str]] = (UNSEEN_ZONES, known) if split is Split.TEST else (known,)
    pool = pools[turn % len(pools)]
    trace = bundled_traces()[pool[turn // len(pools) % len(pool)]]
    first, end = part_of(trace.zone, split)
    runs = _terms(recipe, trace.tick_s, min(end - first, recipe.most_ticks), random.Random(f"{seed}/terms"))
    length = max(ticks_needed(terms, trace.tick_s) for terms in runs)
    start = random.Random(f"{seed}/trace").randint(first, end - length)
    available = trace.available[start : start + length]
    return Window(name, trace.zone, start, trace.tick_s, available, runs, generated=False)


def _synthetic(name: str, recipe: Recipe, seed: str) -> Window:
    rng = random.Random(f"{seed}/terms")
    tick_s = rng.choice(recipe.ticks_s)
    runs = _terms(recipe, tick_s, recipe.most_ticks, rng)
    rng = random.Random(f"{seed}/trace")
    zone = drawing.shifted(fitted_zones(), recipe.up_shifts, recipe.down_shifts, rng)
    length = max(ticks_needed(terms, tick_s) for terms in runs)
    available = semi_markov.draw(zone, tick_s, length, rng)
    return Window(name, "synthetic", 0, tick_s, available, runs)


def _terms(recipe: Recipe, tick_s: int, most_ticks: int, rng: random.Random) -> tuple[Terms, ...]:
    """Draw the runs of a window that has at most `most_ticks` ticks."""
    least, most = recipe.slack
    middle = (least + most) / 2
    slacks = rng.uniform(least, middle), rng.uniform(middle, most)
    overheads_s = [drawing.overhead_s(recipe.overhead_h, rng.uniform(i / 3, (i + 1) / 3)) for i in range(3)]
    task_s = drawing.task_s(recipe.task_h, slacks[-1], overheads_s[-1], tick_s, most_ticks, rng)
    return tuple(drawing.terms(task_s, slack, overhead_s) for slack in slacks for overhead_s in overheads_s)


def public_instances() -> list[Window]:
    """Return the 180 windows of the public benchmark, six runs each, zone by zone."""
    table = public_windows()
    runs = public_terms(table.overheads_h)
    windows = []
    for zone in table.zones:
        trace = bundled_traces()[f"{table.traces}/{zone}"]
        for number, start in enumerate(table.start_ticks):  # one start is drawn twice, and counts twice
            available = trace.available[start : start + table.length_ticks]
            id_ = f"public/{zone}/{number}"
            windows.append(Window(id_, trace.zone, start, table.tick_s, available, runs, generated=False))
    return windows


def public_terms(overheads_h: Sequence[float]) -> tuple[Terms, ...]:
    """Return the runs of a public window with these overheads, hours."""
    table = public_windows()
    return tuple(
        Terms(round(deadline_h * 3600), round(table.task_h * 3600), round(overhead_h * 3600))
        for deadline_h in table.deadlines_h
        for overhead_h in overheads_h
    )
