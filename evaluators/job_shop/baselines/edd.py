"""Earliest due date first; without due dates, the lowest job. Of several machines, the fastest.

Source: EDD in Panwalkar and Iskander 1977 (Operations Research 25).
"""


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        return min(range(len(obs.job)), key=lambda k: (obs.due[k], obs.job[k], obs.duration[k]))
