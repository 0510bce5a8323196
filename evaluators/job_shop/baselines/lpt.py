"""Longest operation first; of several machines, the fastest.

Source: LPT in Panwalkar and Iskander 1977 (Operations Research 25).
"""


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        fastest = {}
        for k, job in enumerate(obs.job):
            if job not in fastest or obs.duration[k] < obs.duration[fastest[job]]:
                fastest[job] = k
        return max(fastest.values(), key=lambda k: (obs.duration[k], -obs.job[k]))
