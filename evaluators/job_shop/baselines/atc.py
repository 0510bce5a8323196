"""Apparent tardiness cost: weight over duration, discounted by the slack that is left after the expected waits.

Source: Vepsalainen and Morton 1987 (Management Science 33): a wait of twice each later operation's duration is
expected, and the look-ahead is three mean durations. Without due dates it is the shortest operation first.
"""

import math

WAIT = 2.0  # expected, over the duration
LOOK_AHEAD = 3.0


class Policy:
    def __init__(self, info):
        pass

    def dispatch(self, obs):
        mean = sum(obs.duration) / len(obs.duration)

        def index(k):
            ticks = max(1, obs.duration[k])
            if obs.due[k] < 0:
                return obs.weight[k] / ticks
            later = max(0, obs.work_left[k] - obs.duration[k])
            slack = obs.due[k] - obs.now - obs.duration[k] - (1 + WAIT) * later
            return obs.weight[k] / ticks * math.exp(-max(0, slack) / (LOOK_AHEAD * max(1, mean)))

        return max(range(len(obs.job)), key=lambda k: (index(k), -obs.job[k]))
