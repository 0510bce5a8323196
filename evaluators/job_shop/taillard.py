"""Taillard's 80 shops, made anew from their seeds, bit for bit.

Source: Taillard 1993, "Benchmarks for basic scheduling problems" (EJOR 64), with the generator of Bratley, Fox &
Schrage 1983.
"""

from __future__ import annotations

MULTIPLIER, QUOTIENT, REMAINDER, MODULUS = 16807, 127773, 2836, 2**31 - 1


class Chance:
    """The linear congruential generator of the paper. seed: 1 to MODULUS - 1."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def whole(self, least: int, most: int) -> int:
        """Return a number from `least` to `most`."""
        state = MULTIPLIER * (self._state % QUOTIENT) - REMAINDER * (self._state // QUOTIENT)
        self._state = state if state >= 0 else state + MODULUS
        return least + int(self._state / MODULUS * (most - least + 1))


def taillard(jobs: int, machines: int, time_seed: int, machine_seed: int) -> list[list[tuple[int, int]]]:
    """Return (jobs, machines) pairs (machine, ticks) in the order of the routes: all durations are drawn first."""
    times, routes = Chance(time_seed), Chance(machine_seed)
    durations = [[times.whole(1, 99) for _ in range(machines)] for _ in range(jobs)]
    shop = []
    for row in durations:
        route = list(range(machines))
        for place in range(machines):
            other = routes.whole(place, machines - 1)
            route[place], route[other] = route[other], route[place]
        shop.append(list(zip(route, row, strict=True)))
    return shop
