"""Functions: every instance is kept for ten minutes. A service: Knative's autoscaler as it is set by default.

Source: Knative Serving's pod autoscaler (KPA): a target of 70 % of 100 requests at once, a stable window of 60 s, a
panic window of a tenth of it with a threshold of 200 %, at most 1,000 times up and half down at once.
"""

import math

import numpy as np

KEPT_MIN = 10
LIMIT = 100
TARGET = 0.7 * LIMIT
STABLE, PANIC = 30, 3  # ticks
THRESHOLD = 2.0
UP, DOWN = 1000.0, 2.0


class Policy:
    def __init__(self, info):
        self.past = np.zeros((KEPT_MIN, len(info.mem_gb)), dtype=np.int64)

    def target(self, obs):
        self.past[obs.minute % KEPT_MIN] = obs.peak
        return self.past.max(axis=0)


class Scaler:
    def __init__(self, info):
        self.past = []
        self.panic_until = -1
        self.most = 0

    def decide(self, obs):
        self.past = [*self.past[1 - STABLE :], obs.wanted]
        stable = self.desired(sum(self.past) / len(self.past), obs)
        recent = self.past[-PANIC:]
        panic = self.desired(sum(recent) / len(recent), obs)
        if panic >= THRESHOLD * obs.ready:
            self.panic_until = obs.tick + STABLE
        if obs.tick > self.panic_until:
            self.most = 0
            return min(200, stable), LIMIT
        self.most = max(self.most, panic, stable, obs.ready)
        return min(200, self.most), LIMIT

    def desired(self, at_once, obs):
        wanted = math.ceil(at_once / TARGET)
        return int(max(1, min(wanted, UP * obs.ready), math.floor(obs.ready / DOWN)))
