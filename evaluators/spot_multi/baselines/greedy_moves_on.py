"""Take spot whenever the region has some; else go on to the next region and look there in the next tick.

Regions are visited in the order of their numbers, from the last to the first again, whatever their prices. When there
is no time left to wait, on demand. When the work is done it stays where it is: the public rules ask once more then, and
bill the spot of the whole run at the first price of the region that is named.

Source: the baseline of the public multi-region benchmark (64.58), after the greedy policy of Wu et al., "Can't Be
Late", NSDI 2024.
"""

from math import ceil, floor

DONE_S = 1e-8


class Policy:
    def __init__(self, info):
        self.regions = info.regions

    def decide(self, obs):
        here = obs.region
        available = bool(obs.spot_available[here])
        left_s = obs.task_s - obs.done_s
        if left_s <= DONE_S:
            return "NONE", here
        one_start = ceil((left_s + obs.overhead_s) / obs.tick_s)
        two_starts = ceil((left_s + 2 * obs.overhead_s) / obs.tick_s)
        ticks_left = max(0, floor((obs.deadline_s - obs.elapsed_s) / obs.tick_s))
        if one_start >= ticks_left:
            return ("SPOT" if obs.running == "SPOT" and obs.overhead_left_s < 1e-3 else "ON_DEMAND"), here
        if two_starts >= ticks_left:
            return ("SPOT" if obs.running == "SPOT" and available else "ON_DEMAND"), here
        if available:
            return "SPOT", here
        return "NONE", (here + 1) % self.regions
