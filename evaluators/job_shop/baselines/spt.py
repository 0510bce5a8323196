"""Shortest operation first.

Source: SPT in Panwalkar and Iskander 1977 (Operations Research 25).
"""


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        return min(range(len(obs.job)), key=lambda k: (obs.duration[k], obs.job[k]))
