"""Stay in the first region: take spot whenever there is some, wait otherwise, on demand when no time is left to wait.

Source: the greedy policy of Wu et al., "Can't Be Late", NSDI 2024, for one region.
"""

from math import ceil, floor


class Policy:
    def __init__(self, info):
        pass

    def decide(self, obs):
        here = obs.region
        available = bool(obs.spot_available[here])
        left_s = obs.task_s - obs.done_s
        one_start = ceil((left_s + obs.overhead_s) / obs.tick_s)
        two_starts = ceil((left_s + 2 * obs.overhead_s) / obs.tick_s)
        ticks_left = max(0, floor((obs.deadline_s - obs.elapsed_s) / obs.tick_s))
        if one_start >= ticks_left:
            return "ON_DEMAND", here
        if two_starts >= ticks_left:
            return ("SPOT" if obs.running == "SPOT" and available else "ON_DEMAND"), here
        return ("SPOT" if available else "NONE"), here
