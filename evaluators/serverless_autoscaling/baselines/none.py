"""Nothing is ever warm: every call starts its instance.

Source: the other end of the trade of Shahrad et al. 2020 (USENIX ATC).

Of a service: replicas for the load of the last tick alone.
"""

import math

import numpy as np


class Policy:
    def __init__(self, info):
        self.none = np.zeros(len(info.mem_gb), dtype=np.int64)

    def target(self, obs):
        return self.none


class Scaler:
    def __init__(self, info):
        pass

    def decide(self, obs):
        return max(1, min(200, math.ceil(obs.wanted / 70))), 100
