"""The offline optimum of a run: the cheapest bill of any policy, one that knows the whole window included.

Exact dynamic programming over (tick, work left, what runs and where, overhead left). Work left is a whole number of
units, see spot_traces/work_units.py, and one tick of all states is a few numpy operations on the band of units that a
run can have left in that tick.

What runs is NONE, ON_DEMAND (it costs the same everywhere, so a move gains nothing) or SPOT in a "slot":

- strict rules: the slot is the region.
- public rules: a move is free, and all that matters of a region is whether it has spot in the next tick, where
  preemption is judged: slot 1 if so, else slot 0. Every tick of spot costs the first price of the region in which the
  last tick runs: for each of these prices, the cheapest bill of the runs that end in a region of that price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluators.spot_multi.mechanics import tick_usd
from evaluators.spot_multi.offers import Offers, Way, offers_of
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Rules, Terms
from evaluators.spot_traces.work_units import WorkUnits


@dataclass(frozen=True)
class Optimum:
    """The cheapest bill of a run, and answers (one per tick) that lead to it; plan is empty unless asked for."""

    cost_usd: float
    plan: tuple[tuple[str, int], ...] = ()


class _Grid(WorkUnits):
    """Work in units, how much of it can be left in a tick, and in how many slots spot can run."""

    def __init__(self, tick_s: int, terms: Terms, strict: bool, slots: int) -> None:
        super().__init__(tick_s, terms)
        self.strict, self.slots = strict, slots
        self.on_demand_usd = tick_usd(ON_DEMAND, 0.0, tick_s)

    def band(self, tick: int) -> tuple[int, int]:
        """Return the least and the most units left that a run can have when it is asked in this tick.

        Once the guard binds, a run loses at most the overhead of one start. Before that, under the public rules, spot
        may ride on: preempted, it loses one tick or moves and pays a second overhead. One tick goes in rounding.
        """
        most = self.guarded_from(tick) + 4 * self.tick_units + 3 * self.overhead_units
        if not self.strict:
            most = self.units  # spot that rides on may be preempted again and again
        return max(1, self.units - tick * self.tick_units), min(self.units, most)


class _Values:
    """Cheapest bills from a tick on, USD; index of the last axis = units left + tick_units, which is free up to 0 left.

    none: (n,).  on_demand: (steps, n).  spot: (slots, steps, n); steps 1 to last are used. n = units + 1 + tick_units.
    """

    def __init__(self, grid: _Grid) -> None:
        def empty(*shape: int) -> np.ndarray:
            values = np.full((*shape, grid.units + 1 + grid.tick_units), np.inf)
            values[..., : grid.tick_units + 1] = 0.0
            return values

        self.none = empty()
        self.on_demand = empty(grid.last + 1)
        self.spot = empty(grid.slots, grid.last + 1)


def _fill(grid: _Grid, tick: int, offers: Offers, now: _Values, after: _Values) -> None:
    """Write the values of one tick from those of the next."""
    low, high = grid.band(tick)
    if low > high:
        return
    base = grid.tick_units

    def from_next(values: np.ndarray, gain: int) -> np.ndarray:
        return values[low + base - gain : high + 1 + base - gain]

    def cheapest(ways: Sequence[Way], step: int) -> np.ndarray | None:
        following = min(step + 1, grid.last)
        found = None
        for way in ways:
            usd = way.usd + from_next(after.spot[way.slot, following], grid.gains[step])
            found = usd if found is None else np.minimum(found, usd)
        return found

    band = slice(low + base, high + 1 + base)
    guarded = max(grid.guarded_from(tick) - low, 0)
    idle = from_next(after.none, 0)
    start = grid.on_demand_usd + from_next(after.on_demand[1], grid.gains[0])
    start_spot = cheapest(offers.starts, 0)
    best = np.minimum(idle, start)
    if start_spot is not None:
        np.minimum(best, start_spot, out=best)

    now.none[band] = best
    now.none[band][guarded:] = start[guarded:]
    for step in range(1, grid.last + 1):
        stay = grid.on_demand_usd + from_next(after.on_demand[min(step + 1, grid.last)], grid.gains[step])
        free = np.minimum(idle, stay)
        if start_spot is not None:
            np.minimum(free, start_spot, out=free)
        now.on_demand[step, band] = free
        now.on_demand[step, band][guarded:] = stay[guarded:]

        for slot in range(grid.slots):
            ride = cheapest(offers.rides[slot], step)
            # A start where spot runs on already is no choice, but going on is never dearer.
            now.spot[slot, step, band] = best if ride is None else np.minimum(best, ride)
            forced = start
            if not grid.strict and step == grid.last:  # the public guard keeps spot, which NONE is made of without any
                spot = ride if ride is not None else start_spot
                wait = idle if offers.dead is not None else None
                choices = [choice for choice in (spot, wait) if choice is not None]
                forced = choices[0] if len(choices) == 1 else np.minimum(*choices)
            now.spot[slot, step, band][guarded:] = forced[guarded:]


APART = 32
"""Ticks between values that are kept for a plan; those in between are found once more on the way along it."""


class _Kept:
    """The values of every tick, for reading in rising order: some are kept, the others found again 32 at a time."""

    def __init__(self, grid: _Grid, kept: dict[int, _Values], fill: Callable[[int, _Values, _Values], None]) -> None:
        self.grid, self.kept, self.fill = grid, kept, fill
        self.last = max(kept)
        self.between: dict[int, _Values] = {}

    def __getitem__(self, tick: int) -> _Values:
        if tick in self.kept:
            return self.kept[tick]
        if tick not in self.between:
            self.between = {}
            first = tick - tick % APART
            after = self.kept[min(first + APART, self.last)]
            for each in range(min(first + APART, self.last) - 1, first, -1):
                self.between[each] = _Values(self.grid)
                self.fill(each, self.between[each], after)
                after = self.between[each]
        return self.between[tick]


def optimum(window: Window, rules: Rules, with_plan: bool = False) -> Optimum:
    """Return the cheapest bill of the run of a window, over all policies that know the future.

    Raises ValueError when the task does not fit before the deadline or no policy can finish within the window.
    with_plan takes twice the time, and up to 300 MB.
    """
    terms = window.terms
    if not terms.can_be_met(window.tick_s):
        raise ValueError(f"{terms} cannot be met: task and overhead do not fit before the deadline")
    final_prices = [None] if rules == "strict" else sorted(set(window.first_prices))
    best = min((_cheapest(window, price, with_plan) for price in final_prices), key=lambda found: found.cost_usd)
    if not np.isfinite(best.cost_usd):
        raise ValueError(f"{terms} cannot be met within a window of {window.ticks} ticks")
    return best


def _cheapest(window: Window, final_usd_per_h: float | None, with_plan: bool) -> Optimum:
    """Return the cheapest bill, infinite where there is none; under the public rules, of runs that end at this price.

    final_usd_per_h: None = strict rules.
    """
    strict = final_usd_per_h is None
    grid = _Grid(window.tick_s, window.terms, strict, len(window.zones) if strict else 2)
    offers = offers_of(window, final_usd_per_h)

    def fill(tick: int, now: _Values, after: _Values) -> None:
        if tick < len(offers):
            _fill(grid, tick, offers[tick], now, after)
        if tick and not strict:  # SPOT may complete the work where the run is to end only
            now.spot[..., : grid.tick_units + 1] = np.inf if offers[tick - 1].last is None else 0.0

    now, after = _Values(grid), _Values(grid)
    fill(len(offers), after, after)
    kept = {len(offers): after} if with_plan else {}
    for tick in range(len(offers) - 1, -1, -1):
        fill(tick, now, after)
        if with_plan and tick % APART == 0:
            kept[tick] = now
        now, after = (_Values(grid) if tick + 1 in kept else after), now
    cost_usd = float(after.none[grid.units + grid.tick_units])
    if not with_plan or not np.isfinite(cost_usd):
        return Optimum(cost_usd)
    end = 0 if strict else window.first_prices.index(final_usd_per_h)
    return Optimum(cost_usd, tuple(_plan(grid, offers, _Kept(grid, kept, fill), end)))


@dataclass(frozen=True, order=True)
class _Option:
    """What may be chosen in a tick: the whole bill from there on, and the state that it leads to."""

    usd: float
    action: str
    region: int
    slot: int
    left: int
    step: int


def _plan(grid: _Grid, offers: Sequence[Offers], values: _Kept, end: int) -> Iterator[tuple[str, int]]:
    """Walk along the cheapest bills from the start; values: of every tick. Ends with the answer when all is done.

    end: under the public rules, a region of the price to end at.
    """
    now = _Option(0.0, NONE, 0, 0, grid.units, 0)
    for tick, offer in enumerate(offers):
        if now.left <= 0:
            break
        after = values[tick + 1]
        rides = offer.rides[now.slot] if now.action == SPOT else ()
        taken = {way.slot for way in rides} if grid.strict else {way.slot for way in offer.starts if rides}
        stay = Way(0, grid.on_demand_usd, now.region if grid.strict else end)
        on_demand = [_ran(grid, after, now, ON_DEMAND, stay, now.step if now.action == ON_DEMAND else 0)]
        spot = [_ran(grid, after, now, SPOT, way, now.step) for way in rides]
        spot += [_ran(grid, after, now, SPOT, way, 0) for way in offer.starts if way.slot not in taken]
        idle_usd = float(after.none[now.left + grid.tick_units])
        if now.left < grid.guarded_from(tick):
            options = [*on_demand, *spot, _Option(idle_usd, NONE, now.region, 0, now.left, 0)]
        elif not grid.strict and now.action == SPOT and now.step == grid.last:
            options = spot
            if offer.dead is not None:
                options = [*spot, _Option(idle_usd, NONE, offer.dead, 0, now.left, 0)]
        else:
            options = on_demand
        now = min(options)
        if now.left <= 0 and now.action == SPOT and offer.last is not None:
            now = replace(now, region=offer.last)
        yield now.action, now.region
    yield NONE, now.region


def _ran(grid: _Grid, after: _Values, now: _Option, action: str, way: Way, step: int) -> _Option:
    """Return the option to run something in this tick; step: in ticks since its start."""
    then, gain = min(step + 1, grid.last), grid.gains[step]
    values = after.on_demand[then] if action == ON_DEMAND else after.spot[way.slot, then]
    usd = way.usd + float(values[now.left + grid.tick_units - gain])
    return _Option(usd, action, way.region, way.slot, now.left - gain, then)
