"""Finds functions that are called at a period, starts them just before, and keeps all others as ski rental does.

A function is periodic when three quarters of its last gaps are within a minute of their median. Source: pre-warming of
cron jobs, as in the time series part of Shahrad et al. 2020 (USENIX ATC).

Of a service: replicas for where the load of the last minute is going until some could be started.
"""

import math

import numpy as np

MOST_MIN = 240
REMEMBERED = 8
LEAST_GAPS = 4
REGULAR = 0.75


class Policy:
    def __init__(self, info):
        functions = len(info.mem_gb)
        self.price, self.mem = info.cold_price_gb_min, info.mem_gb
        self.kept = np.clip((self.price / self.mem).astype(np.int64), 0, MOST_MIN)
        self.gaps = [[] for _ in range(functions)]
        self.last = np.full(functions, -1)
        self.period = np.zeros(functions, dtype=np.int64)
        self.need = np.zeros(functions, dtype=np.int64)
        self.left = np.zeros((65, functions), dtype=np.int64)
        self.level = np.arange(65)[:, None]

    def target(self, obs):
        called = np.flatnonzero(obs.invocations)
        for k in called.tolist():
            if self.last[k] >= 0:
                self.gaps[k] = [*self.gaps[k][1 - REMEMBERED :], obs.minute - int(self.last[k])]
                self.learn(k)
            self.last[k] = obs.minute
        self.need[called] = obs.peak[called]
        self.left = np.where(self.level < obs.peak, self.kept, np.maximum(0, self.left - 1))
        rented = (self.left > 0).sum(axis=0)
        gap = obs.minute + 1 - self.last
        due = (gap >= self.period - 1) & (gap <= self.period + 1)
        return np.where(self.period > 0, np.where(due, self.need, 0), rented)

    def learn(self, k):
        self.period[k] = 0
        gaps = sorted(self.gaps[k])
        if len(gaps) < LEAST_GAPS:
            return
        middle = gaps[len(gaps) // 2]
        regular = sum(abs(gap - middle) <= 1 for gap in gaps) >= REGULAR * len(gaps)
        waits = min(3, middle) * self.mem[k]  # minutes of idling a call that pre-warming costs
        if regular and waits < min(self.price[k], (middle - 1) * self.mem[k]):
            self.period[k] = middle


WINDOW = 30  # ticks


class Scaler:
    def __init__(self, info):
        self.ahead = 2 + info.start_ticks
        self.past = []

    def decide(self, obs):
        self.past = [*self.past[1 - WINDOW :], obs.wanted]
        half = max(1, len(self.past) // 2)
        late, early = sum(self.past[-half:]) / half, sum(self.past[:half]) / half
        load = late + max(0.0, late - early) / half * (half / 2 + self.ahead)
        return max(1, min(200, math.ceil(load / 50))), 100
