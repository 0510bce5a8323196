"""A constant rate, batches of 16, data by size: what scores 0.

Source: none; it is the naive way.
"""

PEAK = 0.25  # in hints


class Policy:
    def __init__(self, info):
        self.info = info

    def step(self, obs):
        return PEAK * self.info.lr_hint, 16, self.info.size
