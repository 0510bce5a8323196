"""Functions: every instance is kept for ten minutes. A service: a limit that falls where requests slow down.

The limit gets a twentieth smaller when requests take longer than their base time, and grows by one when replicas are
full and they do not. Source: additive increase, multiplicative decrease, as in TCP (Chiu and Jain 1989, Computer
Networks and ISDN Systems 17) and in adaptive concurrency limits.
"""

import math

import numpy as np

KEPT_MIN = 10
FILLED = 0.6  # of the limit
WINDOW = 15  # ticks


class Policy:
    def __init__(self, info):
        self.past = np.zeros((KEPT_MIN, len(info.mem_gb)), dtype=np.int64)

    def target(self, obs):
        self.past[obs.minute % KEPT_MIN] = obs.peak
        return self.past.max(axis=0)


class Scaler:
    def __init__(self, info):
        self.base_s, self.limit = info.base_s, float(info.limit)
        self.past = []

    def decide(self, obs):
        self.past = [*self.past[1 - WINDOW :], obs.wanted]
        if obs.service_s > 1.01 * self.base_s:
            self.limit = max(1.0, 0.95 * self.limit)
        elif obs.at_once > 0.8 * self.limit:
            self.limit = min(1000.0, self.limit + 1)
        limit = round(self.limit)
        return max(1, min(200, math.ceil(max(self.past) / (FILLED * limit)))), limit
