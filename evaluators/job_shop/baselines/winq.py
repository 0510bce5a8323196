"""Least work in the queue of the next machine first. Of several machines, the fastest.

Source: WINQ in Panwalkar and Iskander 1977 (Operations Research 25); Holthaus and Rajendran 1997 (IJPE 48).
"""


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        return min(range(len(obs.job)), key=lambda k: (obs.next_queue_work[k], obs.job[k], obs.duration[k]))
