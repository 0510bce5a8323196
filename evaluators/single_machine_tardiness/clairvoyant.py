"""A good order of jobs that come one after the other, for who knows from the start what will come.

Iterated local search over orders, each job as early as it can be: every job is tried in every place and swapped with
every other; then a few random swaps, and again. No bound: the best order may be better still.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from evaluators.single_machine_tardiness.jobs import Jobs

KICK_WORK = 40_000
"""Kicks times the square of the number of jobs, at effort 1."""
MOST_KICKS = 200
SWAPS = 4
REACH = 8
"""Swaps of a kick, and places between the two jobs of one, at most."""


class _Costs:
    def __init__(self, jobs: Jobs) -> None:
        columns = (jobs.processing, jobs.due, jobs.weight, jobs.release)
        self._p, self._d, self._w, self._r = (np.array(column, dtype=np.int64) for column in columns)

    def of(self, orders: np.ndarray) -> np.ndarray:
        """Return the costs of orders. orders: (m, n) int64. Returns (m,) int64, ticks."""
        p = self._p[orders]
        done = np.cumsum(p, axis=1)
        end = done + np.maximum.accumulate(self._r[orders] - (done - p), axis=1)
        late = end - self._d[orders]
        np.maximum(late, 0, out=late)
        return np.asarray((late * self._w[orders]).sum(axis=1))


def searched(jobs: Jobs, starts: Sequence[Sequence[int]], effort: int) -> list[int]:
    """Return the best order found from the best of some orders. effort: 1 for some seconds at most."""
    costs = _Costs(jobs)
    rng = random.Random(0)
    given = np.array(starts, dtype=np.int64)
    best = given[int(costs.of(given).argmin())]
    best, lowest = _descended(costs, best, rng)
    current, n = best, len(best)
    for _ in range(effort * min(MOST_KICKS, KICK_WORK // n**2)):
        other = current.copy()
        for _ in range(SWAPS):
            i = rng.randrange(n)
            j = min(n - 1, i + rng.randint(1, REACH))
            other[i], other[j] = other[j], other[i]
        other, found = _descended(costs, other, rng)
        if found <= lowest:
            best, lowest = other, found
            current = other
    order: list[int] = best.tolist()
    return order


def _descended(costs: _Costs, order: np.ndarray, rng: random.Random) -> tuple[np.ndarray, int]:
    n = len(order)
    lowest = int(costs.of(order[None, :])[0])
    untried = 0
    places = list(range(n))
    rng.shuffle(places)
    while untried < n:
        for place in places:
            neighbours = order[_moves(n, place)]
            found = costs.of(neighbours)
            best = int(found.argmin())
            if found[best] < lowest:
                order, lowest, untried = neighbours[best], int(found[best]), 0
            else:
                untried += 1
                if untried >= n:
                    break
    return order, lowest


def _moves(n: int, place: int) -> np.ndarray:
    """Return (2n, n) places: what stands at `place` put to every other place, and swapped with every other."""
    here, target = np.arange(n)[None, :], np.arange(n)[:, None]
    put = np.where((here >= place) & (here < target), here + 1, here)
    put = np.where((here <= place) & (here > target), here - 1, put)
    put[np.arange(n), np.arange(n)] = place
    swapped = np.repeat(here, n, axis=0)
    swapped[:, place] = np.arange(n)
    swapped[np.arange(n), np.arange(n)] = place
    return np.concatenate((put, swapped))
