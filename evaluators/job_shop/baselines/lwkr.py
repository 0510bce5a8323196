"""Least work remaining first. Of several machines, the fastest.

Source: LWKR in Panwalkar and Iskander 1977 (Operations Research 25).
"""


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        return min(range(len(obs.job)), key=lambda k: (obs.work_left[k], obs.job[k], obs.duration[k]))
