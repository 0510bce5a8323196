"""A histogram of idle times per function: warm between its 5th and 99th percentile, with a margin of a tenth.

Minutes, up to four hours. With fewer than ten idle times, or half of them out of range, a fixed keep-alive. Source:
the hybrid histogram policy (Shahrad et al. 2020, USENIX ATC, section 4), without its time series model.

Of a service: replicas for the 99th percentile of the loads of the last five minutes.
"""

import math

import numpy as np

RANGE_MIN = 240
LEAST, MOST_OUT = 10, 0.5
HEAD, TAIL, MARGIN = 0.05, 0.99, 0.1
FALLBACK_MIN = 10
RECENT = 10


class Policy:
    def __init__(self, info):
        functions = len(info.mem_gb)
        self.counts = np.zeros((RANGE_MIN, functions), dtype=np.int64)
        self.outside = np.zeros(functions, dtype=np.int64)
        self.begin = np.zeros(functions, dtype=np.int64)
        self.end = np.full(functions, FALLBACK_MIN)
        self.idle = np.full(functions, -1)
        self.recent = np.zeros((RECENT, functions), dtype=np.int64)  # peaks of the last minutes with calls
        self.place = np.zeros(functions, dtype=np.int64)

    def target(self, obs):
        called = obs.invocations > 0
        ended = np.flatnonzero(called & (self.idle >= 0))
        within = ended[self.idle[ended] < RANGE_MIN]
        self.counts[self.idle[within], within] += 1
        self.outside[ended] += self.idle[ended] >= RANGE_MIN
        for k in ended.tolist():
            self.window(k)
        self.idle = obs.idle_min
        busy = np.flatnonzero(called)
        self.recent[self.place[busy] % RECENT, busy] = obs.peak[busy]
        self.place[busy] += 1
        # `after`: what the idle time is if the next minute has a call.
        after = np.where(self.idle < 0, RANGE_MIN * 9, self.idle)
        return np.where(
            (after >= self.begin) & (after < np.maximum(self.end, self.begin + 1)), self.recent.max(axis=0), 0
        )

    def window(self, k):
        total = int(self.counts[:, k].sum())
        if total < LEAST or self.outside[k] > MOST_OUT * (total + self.outside[k]):
            self.begin[k], self.end[k] = 0, FALLBACK_MIN
            return
        share = np.cumsum(self.counts[:, k]) / total
        self.begin[k] = int(np.searchsorted(share, HEAD) * (1 - MARGIN))
        self.end[k] = int(np.ceil((np.searchsorted(share, TAIL) + 1) * (1 + MARGIN)))


WINDOW = 150  # ticks


class Scaler:
    def __init__(self, info):
        self.past = []

    def decide(self, obs):
        self.past = [*self.past[1 - WINDOW :], obs.wanted]
        return max(1, min(200, math.ceil(float(np.quantile(self.past, TAIL)) / 70))), 100
