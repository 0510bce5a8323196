"""A linear rise over the first tenth, then a linear decay; data by size.

Source: Goyal et al. 2017 for the warm-up, Defazio et al. 2023 for the decay.
"""

PEAK = 0.5  # in hints


class Policy:
    def __init__(self, info):
        self.info = info

    def step(self, obs):
        used = 1 - obs.samples_left / self.info.budget
        share = max(0.01, used / 0.1) if used < 0.1 else (1 - used) / 0.9
        return PEAK * self.info.lr_hint * share, 16, self.info.size
