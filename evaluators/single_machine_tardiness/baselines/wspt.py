"""Weighted shortest processing time first: largest weight / processing time.

Source: Smith 1956 (Various optimizers for single-stage production): it minimises the weighted sum of completion times.
"""


def sequence(processing, due, weight):
    return sorted(range(len(due)), key=(processing / weight).tolist().__getitem__)


class Policy:
    def __init__(self, info):
        pass

    def pick(self, obs):
        return int((obs.processing / obs.weight).argmin())
