"""A linear decay to 0, data by size.

Source: Defazio et al. 2023, "When, Why and How Much? Adaptive Learning Rate Scheduling by Refinement".
"""

PEAK = 0.5  # in hints


class Policy:
    def __init__(self, info):
        self.info = info

    def step(self, obs):
        used = 1 - obs.samples_left / self.info.budget
        return PEAK * self.info.lr_hint * (1 - used), 16, self.info.size
