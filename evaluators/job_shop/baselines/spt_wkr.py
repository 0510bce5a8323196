"""Least duration over work remaining first.

Source: the idea of SPT/TWKR in Panwalkar and Iskander 1977 (Operations Research 25), over the work that is left.
"""


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        return min(range(len(obs.job)), key=lambda k: (obs.duration[k] / max(1, obs.work_left[k]), obs.job[k]))
