"""The windows of the splits: half cut from real traces of zones that share a clock, half of synthetic zones.

Which real ticks: zones.py. Availability of synthetic zones: synthetic.py, drawn from the model fitted to train's part
of the real traces. Prices change in all of them, and are drawn: real ones are published for the public windows only.
Numbers of zones, ticks, tasks, slacks, overheads and prices have the same ranges in all splits. Test is shifted on
purpose in what no policy can know: zones that the others never see, stretches of availability up to twice and half as
long, and prices that change more.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluators.spot_multi.synthetic import price, region
from evaluators.spot_multi.window import Steps, Window
from evaluators.spot_multi.zones import fitted_zones, pools
from evaluators.spot_traces import drawing
from evaluators.spot_traces.bundled import bundled_traces
from evaluators.spot_traces.runs import Terms, ticks_needed
from evolve.evaluator import Split


@dataclass(frozen=True)
class Recipe:
    """How the windows of a split are drawn; ranges are (least, most).

    zones: how many.  task_h: hours of work; fewer where a window of `most_ticks` short ticks could not hold them.
    slack: how much longer than the task the deadline is, as a share of the task.  overhead_h: hours lost at a start.
    price_usd_per_h: at the first tick.  price_change: standard deviation of one change, as a share of the price.
    up_shifts, down_shifts: what is added to the log of the hours of stretches with and without spot, one of each.
    """

    count: int
    zones: tuple[int, int]
    ticks_s: tuple[int, ...]
    most_ticks: int
    task_h: tuple[float, float]
    slack: tuple[float, float]
    overhead_h: tuple[float, float]
    price_usd_per_h: tuple[float, float]
    price_change: float
    up_shifts: tuple[float, ...]
    down_shifts: tuple[float, ...]


RECIPES: Mapping[Split, Recipe] = {
    Split.TRAIN: Recipe(
        24,
        (2, 9),
        (195, 300, 600),
        1400,
        (12, 96),
        (0.04, 0.6),
        (0.02, 0.4),
        (0.92, 2.4),
        0.03,
        (-0.3, 0.0, 0.3),
        (-0.3, 0.0, 0.3),
    ),
    Split.VALIDATION: Recipe(
        48,
        (2, 9),
        (195, 300, 600),
        1400,
        (12, 96),
        (0.04, 0.6),
        (0.02, 0.4),
        (0.92, 2.4),
        0.04,
        (-0.4, 0.4),
        (-0.4, 0.4),
    ),
    Split.TEST: Recipe(
        32,
        (2, 9),
        (195, 300, 600),
        1400,
        (12, 96),
        (0.04, 0.6),
        (0.02, 0.4),
        (0.92, 2.4),
        0.08,
        (-0.8, -0.4, 0.6),
        (-0.6, 0.7),
    ),
}

ZONE_PRICE_SPREAD = 0.08
"""Standard deviation of the share by which a zone costs more or less than its region."""


def own_window(split: Split, index: int, attempt: int) -> Window:
    """Return an instance of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_window(split, f"{split.value}/{index}", index, attempt)


def drawn_window(split: Split, name: str, index: int, attempt: int) -> Window:
    """Draw a window as that of a split with an index is drawn.

    name: what chance depends on. Terms, traces and prices have streams of their own: who knows the terms knows nothing
    of what is to come, and who knows the prices nothing of the traces.
    """
    recipe, seed = RECIPES[split], f"spot_multi/{name}/{attempt}"
    if index % 2:
        return _synthetic(name, recipe, seed)
    return _real(name, split, recipe, seed, index // 2 + attempt)


def _real(name: str, split: Split, recipe: Recipe, seed: str, turn: int) -> Window:
    rng = random.Random(f"{seed}/terms")
    groups = pools(split)
    known, pieces = groups[turn % len(groups)]
    least, most = recipe.zones
    zones = rng.sample(known, rng.randint(least, min(most, len(known))))
    first, end = rng.choices(pieces, weights=[end - first for first, end in pieces])[0]
    traces = [bundled_traces()[zone] for zone in zones]
    tick_s = traces[0].tick_s
    terms = _terms(recipe, tick_s, min(end - first, recipe.most_ticks), rng)
    ticks = ticks_needed(terms, tick_s)
    start = random.Random(f"{seed}/trace").randint(first, end - ticks)
    available = tuple(trace.available[start : start + ticks] for trace in traces)
    regions = [zone.partition("/")[2].partition("_")[0].rstrip("abcdef") for zone in zones]
    prices = _prices(recipe, regions, tick_s, ticks, random.Random(f"{seed}/prices"))
    return Window(name, "real", tuple(zones), start, tick_s, available, prices, terms, generated=False)


def _synthetic(name: str, recipe: Recipe, seed: str) -> Window:
    rng = random.Random(f"{seed}/terms")
    tick_s = rng.choice(recipe.ticks_s)
    terms = _terms(recipe, tick_s, recipe.most_ticks, rng)
    ticks = ticks_needed(terms, tick_s)
    count = rng.randint(*recipe.zones)
    rng = random.Random(f"{seed}/trace")
    zones: list[tuple[str, str, bytes]] = []
    while len(zones) < count:
        together = min(rng.randint(1, 3), count - len(zones))
        where = f"synthetic-{len({of for of, _, _ in zones}) + 1}"
        models = [drawing.shifted(fitted_zones(), recipe.up_shifts, recipe.down_shifts, rng) for _ in range(together)]
        drawn = region(models, tick_s, ticks, rng)
        zones += [(where, where + "abc"[number], available) for number, available in enumerate(drawn)]
    rng.shuffle(zones)
    regions, names, available = zip(*zones, strict=True)
    prices = _prices(recipe, regions, tick_s, ticks, random.Random(f"{seed}/prices"))
    return Window(name, "synthetic", names, 0, tick_s, available, prices, terms)


def _prices(recipe: Recipe, regions: Sequence[str], tick_s: int, ticks: int, rng: random.Random) -> tuple[Steps, ...]:
    """Draw the price of spot per zone; regions: that of each zone. Zones of one region cost about the same."""
    of_region = {name: rng.uniform(*recipe.price_usd_per_h) for name in dict.fromkeys(regions)}
    return tuple(
        price(of_region[name] * (1 + rng.gauss(0.0, ZONE_PRICE_SPREAD)), recipe.price_change, tick_s, ticks, rng)
        for name in regions
    )


def _terms(recipe: Recipe, tick_s: int, most_ticks: int, rng: random.Random) -> Terms:
    """Draw the run of a window that has at most `most_ticks` ticks."""
    slack = rng.uniform(*recipe.slack)
    overhead_s = drawing.overhead_s(recipe.overhead_h, rng.random())
    task_s = drawing.task_s(recipe.task_h, slack, overhead_s, tick_s, most_ticks, rng)
    return drawing.terms(task_s, slack, overhead_s)
