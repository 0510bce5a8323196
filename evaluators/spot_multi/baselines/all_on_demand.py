"""Run on demand from the first tick to the last: never late, never cheap.

Source: the on-demand baseline of Wu et al., "Can't Be Late", NSDI 2024.
"""


class Policy:
    def __init__(self, info):
        pass

    def decide(self, obs):
        return "ON_DEMAND", obs.region
