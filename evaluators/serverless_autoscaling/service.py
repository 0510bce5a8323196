"""A service whose replicas slow down when they do too much at once: mode `concurrency`.

Time goes in ticks of 2 s. A replica does at most `limit` requests at once; what is beyond waits, first come first
served. With c at once on each, a request takes base * max(1, c / knee)^1.2 seconds: up to the knee nobody is slowed
down, beyond it a replica does less in all. c is what waited before, and the requests that came for the share of the
tick that they take, per ready replica. A replica that is started is ready after some ticks; one that is stopped is
gone at once, those that are still starting first.

Cost, in whole units: 2 replica-seconds a tick for each replica, ready or starting, and 10 for each request whose wait
in whole ticks and service take longer than 2 s together, or that is not done at the end.

No simpy: everything happens at ticks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from evaluators.kept_figures import digest_of
from evolve.evaluator import Instance, Record

TICK_S = 2.0
SLO_S = 2.0
POWER = 1.2
LATE_COST = 10
REPLICA_COST = 2
MOST_REPLICAS, MOST_LIMIT = 200, 1000
FIRST_LIMIT = 100


class ServiceInfo(Record, frozen=True):
    """What a scaler knows before.

    tick_s, slo_s: seconds.  base_s: of a request that nothing slows down.  start_ticks: until a replica is ready.
    replicas, limit: at first.
    """

    tick_s: float
    slo_s: float
    base_s: float
    start_ticks: int
    replicas: int
    limit: int


class Tick(Record, frozen=True):
    """What a scaler sees of the tick just past.

    tick: its number, from 0.  arrived, served, late: requests.  waiting: at its end.  at_once: on each ready replica,
    c of the module.  wanted: what c would be without the limit, times the ready replicas.  service_s: of a request.
    ready, starting: replicas.  limit: of each.
    """

    tick: int
    arrived: int
    served: int
    late: int
    waiting: int
    at_once: float
    wanted: float
    service_s: float
    ready: int
    starting: int
    limit: int


class Course(NamedTuple):
    """How an hour goes. cost: whole units.  ticks: what was seen of each.  late: requests, those left over too."""

    cost: int
    ticks: list[Tick]
    late: int


@dataclass(frozen=True)
class Load:
    """arrived: (ticks,) int64 requests.  base_s, knee, start_ticks: see above.  replicas: at first."""

    arrived: np.ndarray
    base_s: float
    knee: float
    start_ticks: int
    replicas: int

    def info(self) -> ServiceInfo:
        """Return what a scaler knows before."""
        return ServiceInfo(TICK_S, SLO_S, self.base_s, self.start_ticks, self.replicas, FIRST_LIMIT)


@dataclass(frozen=True)
class Hour(Instance):
    """A service for an hour. draw: makes it."""

    draw: Callable[[], Load] = field(repr=False, compare=False)

    @cached_property
    def load(self) -> Load:
        """Return the requests and what serves them."""
        return self.draw()


def digest(hour: Hour) -> str:
    """Return a hash of all that an hour is."""
    load = hour.load
    return digest_of((load.arrived.tolist(), load.base_s, load.knee, load.start_ticks, load.replicas))


def serve(load: Load, decide: Callable[[Tick], tuple[int, int]]) -> Course:
    """Serve an hour. decide: asked after each tick but the last, for replicas and limit in the next."""
    ready, starting, limit = load.replicas, deque[int](), FIRST_LIMIT
    queue: deque[list[int]] = deque()  # [tick, requests]
    seen: list[Tick] = []
    cost = late_in_all = waiting = 0
    part = 0.0
    for tick, arrived in enumerate(load.arrived.tolist()):
        while starting and starting[0] <= tick:
            starting.popleft()
            ready += 1
        wanted = waiting + arrived * min(1.0, load.base_s / TICK_S)
        at_once = min(float(limit), wanted / ready)
        service_s = load.base_s * max(1.0, at_once / load.knee) ** POWER
        if arrived:
            queue.append([tick, arrived])
        waiting += arrived
        able = part + ready * at_once * TICK_S / service_s
        served = min(waiting, int(able + 1e-9))
        part = able - served if served < waiting else 0.0
        waiting -= served
        late, left = 0, served
        while left:
            came, count = queue[0]
            taken = min(count, left)
            late += taken * ((tick - came) * TICK_S + service_s > SLO_S)
            left -= taken
            queue[0][1] -= taken
            if not queue[0][1]:
                queue.popleft()
        cost += REPLICA_COST * (ready + len(starting)) + LATE_COST * late
        late_in_all += late
        seen.append(Tick(tick, arrived, served, late, waiting, at_once, wanted, service_s, ready, len(starting), limit))
        if tick + 1 < len(load.arrived):
            replicas, limit = decide(seen[-1])
            for _ in range(replicas - ready - len(starting)):
                starting.append(tick + 1 + load.start_ticks)
            while ready + len(starting) > replicas:
                if starting:
                    starting.pop()
                else:
                    ready -= 1
    return Course(cost + LATE_COST * waiting, seen, late_in_all + waiting)


def with_foresight(load: Load) -> int:
    """Return the cost of who knows all requests and the knee: the best of some margins and of times to hold replicas.

    The limit is the knee. A tick needs enough replicas for its requests at the knee, times the margin; those of a tick
    are kept for the next ones, too, as many as it takes to start some. A strong reference and no bound.
    """
    arrived, start = load.arrived.astype(float), load.start_ticks
    limit = max(1, math.floor(load.knee))
    need = arrived * min(1.0, load.base_s / TICK_S) / limit
    best = None
    for margin in (1.0, 1.05, 1.1, 1.2, 1.35):
        for hold in (1, start + 1, 2 * start + 1, 4 * start + 1):
            wanted = np.clip(np.ceil(margin * need), 1, MOST_REPLICAS).astype(int)
            held = [int(wanted[max(0, t - hold + 1) : t + start + 2].max()) for t in range(len(wanted))]
            cost = serve(load, lambda seen, held=held: (held[seen.tick + 1], limit)).cost
            best = cost if best is None else min(best, cost)
    assert best is not None
    return best
