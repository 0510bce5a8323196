"""Earliest due date first: the naive baseline.

Source: Jackson 1955 (Scheduling a production line to minimize maximum tardiness): it minimises the largest tardiness.
"""


def sequence(processing, due, weight):
    return sorted(range(len(due)), key=due.tolist().__getitem__)


class Policy:
    def __init__(self, info):
        pass

    def pick(self, obs):
        return int(obs.due.argmin())
