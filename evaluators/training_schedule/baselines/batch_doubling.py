"""The batch doubles where a step decay would divide the rate; data by size.

Source: Smith et al. 2018, "Don't decay the learning rate, increase the batch size".
"""

PEAK = 0.25  # in hints
STAGES = ((0.4, 16), (0.7, 32), (0.9, 64), (2.0, 128))  # (share of the budget, batch)


class Policy:
    def __init__(self, info):
        self.info = info

    def step(self, obs):
        used = 1 - obs.samples_left / self.info.budget
        batch = next(size for end, size in STAGES if used < end)
        return PEAK * self.info.lr_hint, batch, self.info.size
