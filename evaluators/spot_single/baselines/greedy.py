"""Take spot whenever there is some, wait otherwise, and go on demand when there is no time left to wait.

Source: the greedy policy of Wu et al., "Can't Be Late", NSDI 2024, in the form that the public benchmark scores (28).
"""

from math import ceil, floor


class Policy:
    def __init__(self, info):
        pass

    def decide(self, obs):
        available = bool(obs.spot_available[0])
        left_s = obs.task_s - obs.done_s
        one_start = ceil((left_s + obs.overhead_s) / obs.tick_s)
        two_starts = ceil((left_s + 2 * obs.overhead_s) / obs.tick_s)
        ticks_left = max(0, floor((obs.deadline_s - obs.elapsed_s) / obs.tick_s))
        if one_start >= ticks_left:
            return "ON_DEMAND"
        if two_starts >= ticks_left:
            return "SPOT" if obs.running == "SPOT" and available else "ON_DEMAND"
        return "SPOT" if available else "NONE"
