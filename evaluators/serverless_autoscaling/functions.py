"""A day of functions, what it costs to keep instances of them warm, and the least that it can cost without foresight.

Costs are counted in whole half MB-minutes: an instance that is warm and idle for a minute costs its memory; one that is
started when it is called costs 2.5 GB-minutes times its cold start in seconds, within 0.3 and 5.

Bound for whoever starts nothing before it is called (no pre-warming): the k-th instance of a function is needed in the
minutes whose need is k or more. Between two such minutes it is either kept, at its memory times the minutes between, or
started anew, at its price; before the first it is started. The sum of the cheaper over all is the optimum, as what is
cheaper for the k-th is so for the (k-1)-th, whose gaps lie within. Pre-warming may cost less.

No simpy: time goes minute by minute, all functions at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from evaluators.kept_figures import digest_of
from evolve.evaluator import Instance, Record

MOST_WARM = 64
"""Instances of a function that may be warm, and that it ever needs."""
PRICE_GB_MIN = 2.5
LEAST_START_MS, MOST_START_MS = 300, 5000
HALF_MB_PER_GB = 2000.0
"""Half MB-minutes in a GB-minute."""


class Info(Record, frozen=True):
    """What a policy knows before the day; F functions.

    mem_gb: (F,) of an instance.  cold_start_s: (F,).  cold_price_gb_min: (F,) what a cold start costs.
    """

    mem_gb: np.ndarray
    cold_start_s: np.ndarray
    cold_price_gb_min: np.ndarray


class Minute(Record, frozen=True):
    """What a policy sees of the minute just past; all (F,) int64 but `minute`, its number from 0.

    invocations: calls.  peak: most instances that were busy at once, 0 without calls.  cold: of these, started then.
    warm: instances that were warm from the start, as asked for.  idle_min: minutes since the last call, 0 if it was in
    this one, -1 before the first.
    """

    minute: int
    invocations: np.ndarray
    peak: np.ndarray
    cold: np.ndarray
    warm: np.ndarray
    idle_min: np.ndarray


@dataclass(frozen=True)
class Calls:
    """A day. calls: (minutes, F) int64.  duration_ms, mem_mb, cold_start_ms: (F,) int64."""

    calls: np.ndarray
    duration_ms: np.ndarray
    mem_mb: np.ndarray
    cold_start_ms: np.ndarray

    @cached_property
    def need(self) -> np.ndarray:
        """Return (minutes, F) int64: the most instances that are busy at once in a minute.

        With rho = calls * duration / 60 s busy on average: rho + 2 sqrt(rho), rounded up; 1 or more where there is a
        call, no more than calls or MOST_WARM.
        """
        rho = self.calls * self.duration_ms / 60_000.0
        busy = np.ceil(rho + 2.0 * np.sqrt(rho)).astype(np.int64)
        return np.minimum(np.minimum(np.maximum(busy, self.calls > 0), self.calls), MOST_WARM)

    @cached_property
    def price(self) -> np.ndarray:
        """Return (F,) int64: what a cold start costs, half MB-minutes."""
        return np.clip(self.cold_start_ms, LEAST_START_MS, MOST_START_MS) * round(2 * PRICE_GB_MIN)

    @cached_property
    def optimum(self) -> np.ndarray:
        """Return `optimum_without_prewarming`, found once."""
        return optimum_without_prewarming(self)

    def info(self) -> Info:
        """Return what a policy knows before the day."""
        return Info(self.mem_mb / 1000.0, self.cold_start_ms / 1000.0, self.price / HALF_MB_PER_GB)


@dataclass(frozen=True)
class Day(Instance):
    """A day of functions. draw: makes it."""

    draw: Callable[[], Calls] = field(repr=False, compare=False)

    @cached_property
    def functions(self) -> Calls:
        """Return the functions and their calls."""
        return self.draw()


@dataclass(frozen=True)
class Bill:
    """What a day costs, (F,) int64 each. idle: instance-minutes.  cold: starts.  cost: half MB-minutes."""

    idle: np.ndarray
    cold: np.ndarray
    cost: np.ndarray

    @property
    def total(self) -> int:
        """Return the cost of all functions, half MB-minutes."""
        return int(self.cost.sum())


def bill(day: Calls, warm: np.ndarray) -> Bill:
    """Return what a day costs. warm: (minutes, F) int64, instances that are warm from the start of each minute."""
    idle = np.maximum(0, warm - day.need).sum(axis=0)
    cold = np.maximum(0, day.need - warm).sum(axis=0)
    return Bill(idle, cold, 2 * day.mem_mb * idle + day.price * cold)


def kept_warm(day: Calls, minutes: int) -> np.ndarray:
    """Return (minutes, F): warm instances when each is kept for so many minutes after it was last busy."""
    warm = np.zeros_like(day.need)
    for back in range(1, min(minutes, len(warm) - 1) + 1):
        np.maximum(warm[back:], day.need[:-back], out=warm[back:])
    return warm


def optimum_without_prewarming(day: Calls) -> np.ndarray:
    """Return (F,) int64 half MB-minutes: the least cost of each function; see above."""
    need, cost = day.need, np.zeros(day.need.shape[1], dtype=np.int64)
    for function in np.flatnonzero(need.any(axis=0)):
        column, price, keep = need[:, function], int(day.price[function]), 2 * int(day.mem_mb[function])
        for level in range(1, int(column.max()) + 1):
            between = np.diff(np.flatnonzero(column >= level)) - 1
            cost[function] += price + int(np.minimum(between * keep, price).sum())
    return cost


def digest(day: Day) -> str:
    """Return a hash of all that a day is."""
    one = day.functions
    columns = (one.calls, one.duration_ms, one.mem_mb, one.cold_start_ms)
    return digest_of([column.astype(np.int64).tolist() for column in columns])
