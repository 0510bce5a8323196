"""Servers, tasks and what it costs to compute one somewhere; runs, and the area that a program covers.

A task of `bits` and `cycles` that arrives at t and goes to server s is there at t + bits / rate + extra; the extra is 0
at an edge and backhaul time plus 80 ms in the cloud. Servers work first come first served in the order of decisions:
finish = max(there, free_at) + cycles / freq. Energy: 0.2 W while sending, kappa * freq^2 per cycle (dynamic power of
CMOS: kappa is the effective capacitance), and so many J per bit of backhaul.

Score: for each of 11 preferences a whole run gives a point (mean delay, mean energy), in units of round robin's pair.
The area that the points dominate within the unit square is the hypervolume (Zitzler & Thiele 1999).

Bound: without queues, each task at its own best server, w * delay + (1 - w) * energy has a least mean L(w). Every point
that can be reached, and all that it dominates, lies on or above the line w x + (1 - w) y = L(w), for every w; what the
unit square has above all 11 lines is no smaller than any hypervolume.

No simpy: finish times follow in closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from evolve.evaluator import Instance, Record

TRANSMIT_W = 0.2
CLOUD_LATENCY_S = 0.08
BACKHAUL_BPS = 50e6
BACKHAUL_J_PER_BIT = 4e-7
PREFERENCES = tuple((k / 10, 1 - k / 10) for k in range(11))
"""Weights of delay and of energy."""
MOST_MISSED = 0.05
"""A run that misses more deadlines than this share gives no point."""


class Info(Record, frozen=True):
    """What a policy knows before a run.

    preference: weights of delay and energy, together 1.  servers: how many, the last is the cloud.
    freq_hz, power_coeff: (servers,) cycles a second; J per cycle and Hz^2.
    delay_unit_s, energy_unit_j: means of round robin, in whose units both are weighed.
    """

    preference: tuple[float, float]
    servers: int
    freq_hz: list[float]
    power_coeff: list[float]
    delay_unit_s: float
    energy_unit_j: float


class Task(Record, frozen=True):
    """A task. number: from 0.  arrival_s.  bits to send.  cycles to compute.  deadline_s: from its arrival on."""

    number: int
    arrival_s: float
    bits: float
    cycles: float
    deadline_s: float


class Servers(Record, frozen=True):
    """The servers as this task meets them, lists of one number each, the cloud last.

    rate_bps: of sending.  freq_hz.  backlog_s: until what was sent there before is done.  power_coeff.
    extra_latency_s, extra_energy_j: backhaul, of this task.  failed: takes no tasks.
    """

    rate_bps: list[float]
    freq_hz: list[float]
    backlog_s: list[float]
    power_coeff: list[float]
    extra_latency_s: list[float]
    extra_energy_j: list[float]
    failed: list[bool]


@dataclass(frozen=True)
class System:
    """Servers and the tasks that come; n tasks, S servers, the last one the cloud.

    arrival_s, bits, cycles, deadline_s: (n,).  rate_bps: (n, S).  freq_hz, kappa: (S,).  failed: (n, S) bool.
    """

    arrival_s: np.ndarray
    bits: np.ndarray
    cycles: np.ndarray
    deadline_s: np.ndarray
    rate_bps: np.ndarray
    freq_hz: np.ndarray
    kappa: np.ndarray
    failed: np.ndarray

    @property
    def servers(self) -> int:
        """Return S."""
        return len(self.freq_hz)

    @cached_property
    def upload_s(self) -> np.ndarray:
        """Return (n, S) seconds until a task is at a server."""
        sent = self.bits[:, None] / self.rate_bps
        sent[:, -1] += CLOUD_LATENCY_S + self.bits / BACKHAUL_BPS
        return sent

    @cached_property
    def compute_s(self) -> np.ndarray:
        """Return (n, S) seconds of computing."""
        return self.cycles[:, None] / self.freq_hz

    @cached_property
    def energy_j(self) -> np.ndarray:
        """Return (n, S) J."""
        used = TRANSMIT_W * self.bits[:, None] / self.rate_bps + self.cycles[:, None] * self.kappa * self.freq_hz**2
        used[:, -1] += BACKHAUL_J_PER_BIT * self.bits
        return used


class Point(NamedTuple):
    """What a run gives. delay_s, energy_j: means.  missed: share of deadlines.  wait_s: mean time in queues."""

    delay_s: float
    energy_j: float
    missed: float
    wait_s: float
    per_server: tuple[int, ...]


def run(system: System, decide: Callable[[int, Sequence[float]], int]) -> Point:
    """Play all tasks. decide: (task, free_at of every server) to server, which has not failed."""
    free_at = [0.0] * system.servers
    delay, energy, wait = [], [], []
    count = [0] * system.servers
    upload, compute, used = system.upload_s.tolist(), system.compute_s.tolist(), system.energy_j.tolist()
    for task, arrival in enumerate(system.arrival_s.tolist()):
        server = decide(task, free_at)
        there = arrival + upload[task][server]
        start = max(there, free_at[server])
        free_at[server] = start + compute[task][server]
        delay.append(free_at[server] - arrival)
        energy.append(used[task][server])
        wait.append(start - there)
        count[server] += 1
    tasks = len(delay)
    missed = sum(d > limit for d, limit in zip(delay, system.deadline_s.tolist(), strict=True))
    return Point(sum(delay) / tasks, sum(energy) / tasks, missed / tasks, sum(wait) / tasks, tuple(count))


def round_robin(system: System) -> Point:
    """Return what the servers in turn give, without those that have failed."""
    failed, last = system.failed.tolist(), [-1]

    def next_one(task: int, _: Sequence[float]) -> int:
        last[0] = (last[0] + 1) % system.servers
        while failed[task][last[0]]:
            last[0] = (last[0] + 1) % system.servers
        return last[0]

    return run(system, next_one)


def greedy_points(system: System, unit: tuple[float, float]) -> list[tuple[float, float]]:
    """Return (mean delay, mean energy) of the baseline weighted_greedy for each preference, s and J.

    unit: (s, J) of round robin.  All preferences are played at once: they differ in nothing but their queues.
    """
    weights = np.array(PREFERENCES)
    free_at, rows = np.zeros((len(weights), system.servers)), np.arange(len(weights))
    delay, energy = np.zeros(len(weights)), np.zeros(len(weights))
    barred = np.where(system.failed, np.inf, 0.0)
    for task, arrival in enumerate(system.arrival_s.tolist()):
        ends = np.maximum(free_at, arrival + system.upload_s[task]) + system.compute_s[task]
        cost = weights[:, :1] * (ends - arrival) / unit[0] + weights[:, 1:] * system.energy_j[task] / unit[1]
        chosen = (cost + barred[task]).argmin(axis=1)
        free_at[rows, chosen] = ends[rows, chosen]
        delay += ends[rows, chosen] - arrival
        energy += system.energy_j[task, chosen]
    count = len(system.arrival_s)
    return list(zip((delay / count).tolist(), (energy / count).tolist(), strict=True))


def covered(points: Sequence[tuple[float, float]]) -> float:
    """Return the area of the unit square that points dominate, less of both being better."""
    area, least = 0.0, 1.0
    for x, y in sorted(points):
        if x < 1.0 and y < least:
            area += (1.0 - x) * (least - y)
            least = y
    return area


def covered_bound(system: System, unit: tuple[float, float]) -> float:
    """Return an area that no program covers. unit: (s, J) of round robin."""
    polygon = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    barred = np.where(system.failed, np.inf, 0.0)
    for w, v in PREFERENCES:
        cost = w * (system.upload_s + system.compute_s) / unit[0] + v * system.energy_j / unit[1] + barred
        polygon = _above(polygon, w, v, float(cost.min(axis=1).mean()))
    return abs(sum(a * d - b * c for (a, b), (c, d) in zip(polygon, polygon[1:] + polygon[:1], strict=True))) / 2


def _above(polygon: list[tuple[float, float]], w: float, v: float, level: float) -> list[tuple[float, float]]:
    """Return the part of a convex polygon where w x + v y >= level (Sutherland & Hodgman 1974)."""
    kept = []
    for (a, b), (c, d) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        here, there = w * a + v * b - level, w * c + v * d - level
        if here >= 0:
            kept.append((a, b))
        if (here < 0) != (there < 0):
            part = here / (here - there)
            kept.append((a + part * (c - a), b + part * (d - b)))
    return kept


@dataclass(frozen=True)
class Scene(Instance):
    """Servers and tasks. draw: makes them."""

    draw: Callable[[], System] = field(repr=False, compare=False)

    @cached_property
    def system(self) -> System:
        """Return the servers and tasks."""
        return self.draw()
