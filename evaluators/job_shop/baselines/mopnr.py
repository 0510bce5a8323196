"""Most operations remaining first, of equal ones the shortest; of several machines, the fastest.

Source: MOPNR in Panwalkar and Iskander 1977 (Operations Research 25).
"""


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        return min(range(len(obs.job)), key=lambda k: (-obs.ops_left[k], obs.duration[k], obs.job[k]))
