"""Least sum of duration, work in the queue of the next machine, and slack where it is negative.

Source: PT+WINQ+SL in Holthaus and Rajendran 1997 (IJPE 48). Without due dates it is PT+WINQ.
"""


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        def index(k):
            slack = min(0, obs.due[k] - obs.now - obs.work_left[k]) if obs.due[k] >= 0 else 0
            return obs.duration[k] + obs.next_queue_work[k] + slack

        return min(range(len(obs.job)), key=lambda k: (index(k), obs.job[k]))
