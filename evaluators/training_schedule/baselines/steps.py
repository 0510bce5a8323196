"""A tenth of the rate from half of the budget on, a hundredth from three quarters; data by size.

Source: the step decay of He et al. 2016 (ResNet).
"""

PEAK = 0.5  # in hints


class Policy:
    def __init__(self, info):
        self.info = info

    def step(self, obs):
        used = 1 - obs.samples_left / self.info.budget
        share = 1.0 if used < 0.5 else 0.1 if used < 0.75 else 0.01
        return PEAK * self.info.lr_hint * share, 16, self.info.size
