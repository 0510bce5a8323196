"""A good makespan of a shop that is known whole and has room for waiting jobs: simulated annealing of its orders.

An operation on the longest chain that waits for its machine changes places with the one right before it there; in a
flexible shop it may go to another machine instead. Unlike dispatching, a machine may wait for an operation to come.

Source: van Laarhoven, Aarts & Lenstra 1992, "Job shop scheduling by simulated annealing" (Operations Research 40); the
cooling is linear.
"""

from __future__ import annotations

import math
import random
from itertools import chain

from evaluators.job_shop.dispatching import Schedule
from evaluators.job_shop.shop import Shop

OPERATIONS = 2_000_000
"""How many operations are given a start in all, about a second."""
LEAST_TURNS = 2000
WARMTH = 0.5
"""At the start a change for the worse of this share of the mean duration is made with a probability of 1 / e."""
OTHER_MACHINE_SHARE = 0.4


def annealed_ticks(shop: Shop, known: Schedule, operations: int = OPERATIONS) -> int:
    """Return the least makespan found, ticks, never above that of the schedule that is known."""
    rng = random.Random(0)
    orders = _Orders(shop, known)
    turns = max(LEAST_TURNS, operations // len(orders.machine))
    best = now = orders.decode()
    orders.settle()
    hottest = WARMTH * sum(orders.ticks) / len(orders.ticks)
    for turn in range(turns):
        undo = orders.change(rng)
        if undo is None:
            break
        found = orders.decode()
        warmth = hottest * (1 - turn / turns)
        if found <= now or rng.random() < math.exp((now - found) / max(warmth, 1e-9)):
            now = found
            best = min(best, found)
            orders.settle()
        else:
            undo()
    return min(best, known.makespan_ticks)


class _Orders:
    """Operations in the order in which they are given a start: each as early as its job and its machine are free.

    sequence: (n,) the job of each place; its operations come in the order of its route, so that any order is feasible.
    """

    def __init__(self, shop: Shop, known: Schedule) -> None:
        self.base = [0]
        for job in shop.jobs:
            self.base.append(self.base[-1] + len(job.ops))
        self.job = [number for number, job in enumerate(shop.jobs) for _ in job.ops]
        self.able = [dict(op) for job in shop.jobs for op in job.ops]
        runs = list(chain.from_iterable(known.runs))
        self.machine = [run.machine for run in runs]
        self.ticks = [able[machine] for able, machine in zip(self.able, self.machine, strict=True)]
        self.flexible = any(len(able) > 1 for able in self.able)
        self.machines = shop.machines
        self.start = [run.start for run in runs]
        self.behind = [-1] * len(runs)  # the operation on the same machine that each one waits for, -1: none
        self.settle()

    def settle(self) -> None:
        """Order the places by the starts.

        Of those that start at once the ones that waited for a machine come first: so no later operation of the same job
        lies between an operation and the one that waits for its machine, and the two can change places.
        """
        order = sorted(range(len(self.start)), key=lambda o: (self.start[o], self.behind[o] < 0))
        self.sequence = [self.job[o] for o in order]
        self.place = [0] * len(order)
        for place, o in enumerate(order):
            self.place[o] = place
        self.waiting = self._waiting()

    def decode(self) -> int:
        """Give every operation its start and return the makespan, ticks."""
        following = self.base[:-1]
        job_end, machine_end, last = [0] * len(following), [0] * self.machines, [-1] * self.machines
        machine, ticks, start, behind = self.machine, self.ticks, self.start.copy(), self.behind.copy()
        for job in self.sequence:
            o = following[job]
            following[job] = o + 1
            m = machine[o]
            ready, free = job_end[job], machine_end[m]
            if free > ready:
                ready = free
                behind[o] = last[m]
            else:
                behind[o] = -1
            start[o] = ready
            job_end[job] = machine_end[m] = ready + ticks[o]
            last[m] = o
        self.start, self.behind = start, behind
        return max(job_end)

    def _waiting(self) -> list[int]:
        """Return the operations on the longest chain that wait for their machine."""
        o = max((stop - 1 for stop in self.base[1:]), key=lambda o: self.start[o] + self.ticks[o])
        found = []
        while True:
            if self.behind[o] >= 0:
                found.append(o)
                o = self.behind[o]
            elif o > self.base[self.job[o]]:
                o -= 1
            else:
                return found

    def change(self, rng: random.Random) -> _Undo | None:
        """Make a change and return what takes it back; None where nothing waits."""
        if not self.waiting:
            return None
        o = rng.choice(self.waiting)
        undo = _Undo(self)
        if self.flexible and len(self.able[o]) > 1 and rng.random() < OTHER_MACHINE_SHARE:
            self.machine, self.ticks = self.machine.copy(), self.ticks.copy()
            self.machine[o] = rng.choice([m for m in self.able[o] if m != self.machine[o]])
            self.ticks[o] = self.able[o][self.machine[o]]
        else:
            first, second = self.place[self.behind[o]], self.place[o]
            self.sequence = self.sequence.copy()
            self.sequence.insert(second, self.sequence.pop(first))
        return undo


class _Undo:
    def __init__(self, orders: _Orders) -> None:
        self._orders = orders
        self._before = (orders.machine, orders.ticks, orders.sequence, orders.start, orders.behind)

    def __call__(self) -> None:
        orders = self._orders
        orders.machine, orders.ticks, orders.sequence, orders.start, orders.behind = self._before
