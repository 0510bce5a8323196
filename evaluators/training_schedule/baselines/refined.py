"""The refined schedule: high where gradients are small and much is left, from the gradients of an earlier run.

These are the mean norms of runs on train under a linear decay from half a hint. Source: Defazio et al. 2023, "When, Why
and How Much? Adaptive Learning Rate Scheduling by Refinement", algorithm 1: w = norm^-2, rate = w * (sum of w to come).
"""

from itertools import pairwise

PEAK = 0.5  # in hints
NORMS = (2.12, 1.99, 1.95, 1.88, 1.83, 1.77, 1.69, 1.63, 1.58, 1.54)
NORMS += (1.52, 1.5, 1.47, 1.46, 1.44, 1.42, 1.38, 1.36, 1.36, 1.35)  # by twentieths of the budget


def left_after(weights):
    """Sums of the weights to come at the bounds of the parts, the first and the last bound included."""
    sums = [0.0]
    for weight in reversed(weights):
        sums.append(sums[-1] + weight)
    return sums[::-1]


class Policy:
    def __init__(self, info):
        self.info = info
        self.weights = [norm**-2 for norm in NORMS]
        self.left = left_after(self.weights)
        self.most = max(weight * (a + b) / 2 for weight, (a, b) in zip(self.weights, pairwise(self.left), strict=True))

    def step(self, obs):
        place = (1 - obs.samples_left / self.info.budget) * len(NORMS)
        part = int(place)
        weight = self.weights[part]
        share = weight * (self.left[part] - (place - part) * weight) / self.most
        return PEAK * self.info.lr_hint * share, 16, self.info.size
