"""The offline optimum of a run: the cheapest bill of any policy, one that knows the whole trace included.

Exact dynamic programming over (tick, work left, what runs, overhead left). Work left is a whole number of units, see
spot_traces/work_units.py, and one tick of all states is a few numpy operations on the band of units that a run can be
in at that tick.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluators.spot_single.mechanics import SPOT_USD_PER_H
from evaluators.spot_traces.runs import NONE, ON_DEMAND, ON_DEMAND_USD_PER_H, SPOT, Rules, Terms
from evaluators.spot_traces.work_units import WorkUnits


@dataclass(frozen=True)
class Optimum:
    """The cheapest bill of a run, and requests (one per tick) that lead to it; plan is empty unless asked for."""

    cost_usd: float
    plan: tuple[str, ...] = ()


class _Grid(WorkUnits):
    """Work in units, and how much of it can be left in a tick."""

    def __init__(self, tick_s: int, terms: Terms, rules: Rules) -> None:
        super().__init__(tick_s, terms)
        self.strict = rules == "strict"

    def band(self, tick: int) -> tuple[int, int]:
        """Return the least and the most units left that a run can have when it is asked in this tick.

        Once the guard binds, a run loses at most the overhead of one start; before that, under the public rules, spot
        may ride on and lose one tick more; one tick goes in rounding.
        """
        most = self.guarded_from(tick) + 3 * self.tick_units + 2 * self.terms.overhead_s // self.unit_s
        return max(1, self.units - tick * self.tick_units), min(self.units, most)


class _Values:
    """Cheapest bills from a tick on, (units + 1 + tick_units,) float64 each, USD; index = units left + tick_units.

    spot, on_demand: by step, 1 to last.  What is not above zero units left costs nothing.
    """

    def __init__(self, grid: _Grid) -> None:
        def empty() -> np.ndarray:
            values = np.full(grid.units + 1 + grid.tick_units, np.inf)
            values[: grid.tick_units + 1] = 0.0
            return values

        self.none = empty()
        self.spot = [empty() for _ in range(grid.last + 1)]
        self.on_demand = [empty() for _ in range(grid.last + 1)]


def _fill(grid: _Grid, tick: int, available: int, now: _Values, after: _Values) -> None:
    """Write the values of one tick from those of the next."""
    low, high = grid.band(tick)
    if low > high:
        return
    base = grid.tick_units
    spot_usd = SPOT_USD_PER_H * grid.tick_s / 3600
    on_demand_usd = ON_DEMAND_USD_PER_H * grid.tick_s / 3600

    def from_next(values: np.ndarray, gain: int) -> np.ndarray:
        return values[low + base - gain : high + 1 + base - gain]

    band = slice(low + base, high + 1 + base)
    guarded = slice(max(grid.guarded_from(tick) - low, 0), None)
    idle = from_next(after.none, 0)
    start = on_demand_usd + from_next(after.on_demand[1], grid.gains[0])
    start_spot = spot_usd + from_next(after.spot[1], grid.gains[0]) if available else None
    best = np.minimum(idle, start)
    best_start = best if start_spot is None else np.minimum(best, start_spot)

    now.none[band] = best_start
    now.none[band][guarded] = start[guarded]
    for step in range(1, grid.last + 1):
        following = min(step + 1, grid.last)
        stay = on_demand_usd + from_next(after.on_demand[following], grid.gains[step])
        free = np.minimum(idle, stay)
        if start_spot is not None:
            np.minimum(free, start_spot, out=free)
        now.on_demand[step][band] = free
        now.on_demand[step][band][guarded] = stay[guarded]

        ride = spot_usd + from_next(after.spot[following], grid.gains[step]) if available else None
        now.spot[step][band] = best if ride is None else np.minimum(best, ride)
        forced = start
        if not grid.strict and step == grid.last:  # the public guard keeps spot, which a preemption then turns to NONE
            forced = idle if ride is None else ride
        now.spot[step][band][guarded] = forced[guarded]


def _last_request(available: bytes) -> int:
    """Return the last tick whose work can still be seen done: a run is over only when it is asked once more."""
    return len(available) - 2


def optimum(terms: Terms, tick_s: int, available: bytes, rules: Rules, with_plan: bool = False) -> Optimum:
    """Return the cheapest bill of a run on a trace, over all policies that know the future.

    available: one byte per tick, 1 = spot available.  Raises ValueError when the task does not fit before the deadline
    or no policy can finish within the trace.
    """
    grid = _Grid(tick_s, terms, rules)
    if grid.band(0)[1] < grid.units:
        raise ValueError(f"{terms} cannot be met: task and overhead do not fit before the deadline")
    kept: list[_Values] = []
    now, after = _Values(grid), _Values(grid)
    if with_plan:
        kept.append(after)
    for tick in range(_last_request(available), -1, -1):
        if with_plan:
            now = _Values(grid)
            kept.append(now)
        _fill(grid, tick, available[tick], now, after)
        now, after = after, now
    cost_usd = float(after.none[grid.units + grid.tick_units])
    if not np.isfinite(cost_usd):
        raise ValueError(f"{terms} cannot be met within a trace of {len(available)} ticks")
    return Optimum(cost_usd, tuple(_plan(grid, available, kept[::-1])) if with_plan else ())


def _plan(grid: _Grid, available: bytes, values: list[_Values]) -> Iterator[str]:
    """Walk along the cheapest bills from the start; values: one per tick, the last is that after the last request."""
    left, running, step = grid.units, NONE, 0
    for tick in range(_last_request(available) + 1):
        if left <= 0:
            return
        after = values[tick + 1]
        options: list[tuple[float, str, int, int]] = []
        for action, price, following in (
            (NONE, 0.0, [after.none]),
            (SPOT, SPOT_USD_PER_H, after.spot),
            (ON_DEMAND, ON_DEMAND_USD_PER_H, after.on_demand),
        ):
            if action == SPOT and not available[tick]:
                continue
            going = step if action == running else 0
            gain = 0 if action == NONE else grid.gains[going]
            then = 0 if action == NONE else min(going + 1, grid.last)
            usd = price * grid.tick_s / 3600 + float(following[then][left - gain + grid.tick_units])
            options.append((usd, action, left - gain, then))
        if left >= grid.guarded_from(tick):
            rides = not grid.strict and running == SPOT and step == grid.last
            order = (SPOT if available[tick] else NONE) if rides else ON_DEMAND
            options = [option for option in options if option[1] == order]
        _, running, left, step = min(options)
        yield running
