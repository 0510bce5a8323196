"""Warm-up, stay, decay: a rise over a twentieth, a linear decay over the last fifth; data by size.

Source: Hu et al. 2024 (MiniCPM).
"""

PEAK = 0.5  # in hints


class Policy:
    def __init__(self, info):
        self.info = info

    def step(self, obs):
        used = 1 - obs.samples_left / self.info.budget
        share = max(0.01, min(1.0, used / 0.05, (1 - used) / 0.2))
        return PEAK * self.info.lr_hint * share, 16, self.info.size
