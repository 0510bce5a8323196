"""Every instance is kept for as many minutes as cost as much as a cold start.

Source: the deterministic rule for ski rental, at most twice the optimum (Karlin et al. 1988, Algorithmica 3).

Of a service: a replica is kept for as many ticks as cost as much as a late request, and as it takes to start one.
"""

import math

import numpy as np

MOST_MIN = 240


class Policy:
    def __init__(self, info):
        self.kept = np.clip((info.cold_price_gb_min / info.mem_gb).astype(np.int64), 0, MOST_MIN)
        self.left = np.zeros(
            (65, len(info.mem_gb)), dtype=np.int64
        )  # of the k-th instance, the minutes that it is kept
        self.level = np.arange(65)[:, None]

    def target(self, obs):
        self.left = np.where(self.level < obs.peak, self.kept, np.maximum(0, self.left - 1))
        return (self.left > 0).sum(axis=0)


class Scaler:
    def __init__(self, info):
        self.window = 5 + info.start_ticks
        self.past = []

    def decide(self, obs):
        self.past = [*self.past[1 - self.window :], obs.wanted]
        return max(1, min(200, math.ceil(max(self.past) / 70))), 100
