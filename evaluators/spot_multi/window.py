"""A window of several zones, and what a policy is shown of it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluators.spot_traces.runs import ON_DEMAND_USD_PER_H, Terms
from evolve.evaluator import Instance, Record, pack

Steps = tuple[tuple[int, float], ...]
"""A price over time: (tick from which on, USD/h), the first from tick 0 on."""


@dataclass(frozen=True)
class Window(Instance):
    """A window of several zones and the one run that sees it; the policy knows zones by number, as "regions".

    scenario: what it is reported under.  zones: where availability comes from, for messages; the run starts in zone 0.
    start_tick: first tick in the zones' traces.  available: per zone one byte per tick, 1 = spot available.
    spot_usd_per_h: per zone the price of spot.
    """

    scenario: str
    zones: tuple[str, ...]
    start_tick: int
    tick_s: int
    available: tuple[bytes, ...] = field(repr=False)
    spot_usd_per_h: tuple[Steps, ...] = field(repr=False)
    terms: Terms

    @property
    def ticks(self) -> int:
        """Number of ticks of the window."""
        return len(self.available[0])

    def prices(self) -> Iterator[tuple[float, ...]]:
        """Yield for every tick the price of spot in each zone, USD/h; the same object for as long as none changes."""
        changes: dict[int, list[tuple[int, float]]] = {}
        for zone, steps in enumerate(self.spot_usd_per_h):
            for tick, usd in steps:
                changes.setdefault(tick, []).append((zone, usd))
        now: tuple[float, ...] = (0.0,) * len(self.zones)
        for tick in range(self.ticks):
            if tick in changes:
                new = list(now)
                for zone, usd in changes[tick]:
                    new[zone] = usd
                now = tuple(new)
            yield now

    @property
    def first_prices(self) -> tuple[float, ...]:
        """The price of spot in each zone at the window's first tick, USD/h."""
        return tuple(steps[0][1] for steps in self.spot_usd_per_h)


class Info(Record, frozen=True):
    """The constants of a run, given to `Policy(info)`; spot_usd_per_h: (regions,) at the first tick."""

    regions: int
    tick_s: float
    deadline_s: float
    task_s: float
    overhead_s: float
    spot_usd_per_h: np.ndarray
    on_demand_usd_per_h: float


def info_of(window: Window) -> Info:
    """Return the constants that the policy of a window is made with."""
    return Info(
        len(window.zones),
        float(window.tick_s),
        float(window.terms.deadline_s),
        float(window.terms.task_s),
        float(window.terms.overhead_s),
        np.array(window.first_prices),
        ON_DEMAND_USD_PER_H,
    )


@functools.lru_cache(maxsize=4096)
def packed_available(now: tuple[int, ...]) -> Any:
    """Return where there is spot now, (regions,) bool, in the form in which it is sent."""
    return pack(np.array(now, dtype=bool))


@functools.lru_cache(maxsize=4096)
def packed_prices(now: tuple[float, ...]) -> Any:
    """Return what spot costs now, (regions,) float64, in the form in which it is sent."""
    return pack(np.array(now, dtype=np.float64))
