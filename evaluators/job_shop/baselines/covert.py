"""Cost over time: weight over duration, times how much of the expected waits the slack no longer covers.

Source: Carroll 1965, as in Vepsalainen and Morton 1987 (Management Science 33): a wait of twice the duration is
expected of each operation left, and slack counts up to twice that. Without due dates it is the shortest
operation first.
"""

WAIT = 2.0  # expected, over the duration
COVERED = 2.0  # of the expected waits


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        def index(k):
            urgency = 1.0
            if obs.due[k] >= 0:
                slack = max(0, obs.due[k] - obs.now - obs.work_left[k])
                urgency = max(0.0, 1.0 - slack / (COVERED * WAIT * max(1, obs.work_left[k])))
            return obs.weight[k] * urgency / max(1, obs.duration[k])

        return max(range(len(obs.job)), key=lambda k: (index(k), -obs.duration[k], -obs.job[k]))
