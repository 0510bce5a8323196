"""Half a cosine from the peak to 0, data by size.

Source: Loshchilov and Hutter 2017 (SGDR), without restarts.
"""

import math

PEAK = 0.5  # in hints


class Policy:
    def __init__(self, info):
        self.info = info

    def step(self, obs):
        used = 1 - obs.samples_left / self.info.budget
        return PEAK * self.info.lr_hint * (0.5 + 0.5 * math.cos(math.pi * used)), 16, self.info.size
