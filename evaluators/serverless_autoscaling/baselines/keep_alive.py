"""Every instance is kept for ten minutes after it was last busy.

Source: the fixed keep-alive of industry as of 2020 (Shahrad et al., USENIX ATC 2020, section 2).

Of a service: replicas for the largest load of the last ten minutes.
"""

import math

import numpy as np

KEPT_MIN = 10


class Policy:
    def __init__(self, info):
        self.past = np.zeros((KEPT_MIN, len(info.mem_gb)), dtype=np.int64)

    def target(self, obs):
        self.past[obs.minute % KEPT_MIN] = obs.peak
        return self.past.max(axis=0)


WINDOW = 300  # ticks


class Scaler:
    def __init__(self, info):
        self.past = []

    def decide(self, obs):
        self.past = [*self.past[1 - WINDOW :], obs.wanted]
        return max(1, min(200, math.ceil(max(self.past) / 70))), 100
