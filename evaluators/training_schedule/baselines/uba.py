"""The unified budget-aware schedule with phi = 0.5: high for long, then a fast decay; data by size.

Source: "Unified budget-aware learning rate schedule" (UBA), its closed form; phi = 2 is the cosine.
"""

import math

PEAK = 0.5  # in hints
PHI = 0.5


class Policy:
    def __init__(self, info):
        self.info = info

    def step(self, obs):
        used = 1 - obs.samples_left / self.info.budget
        c = math.cos(math.pi * used)
        share = 2 * (1 + c) / (2 * PHI + (2 - PHI) * (1 + c))
        return PEAK * self.info.lr_hint * share, 16, self.info.size
