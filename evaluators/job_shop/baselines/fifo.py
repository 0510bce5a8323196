"""First come, first served: the operation that has been ready for longest. Of several machines, the fastest.

Source: FCFS in Panwalkar and Iskander 1977 (Operations Research 25).
"""


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        return min(range(len(obs.job)), key=lambda k: (obs.ready_since[k], obs.job[k], obs.duration[k]))
