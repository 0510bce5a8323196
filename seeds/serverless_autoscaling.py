"""How long instances stay warm, by what is known of the calls of each function."""

import math

import numpy as np

# EVOLVE-BLOCK-START
# Now every one is kept for ten minutes after it was last busy; nothing is started ahead.
CHEAP_MIN = 10.0  # minutes for which an instance is kept whose cold start costs as much as 3 minutes of it, or fewer
DEAR_MIN = 10.0  # the same, 30 minutes or more; between them by the logarithm
GAP = 0.0  # and for how many of its mean gaps between minutes with calls
MOST_MIN = 240.0  # it is not kept longer
AHEAD = 0.0  # of the instances needed last, the share that is started when the mean gap has passed
WIDTH = 0.1  # of the mean gap, how far from it that still is


def kept_min(worth_min, gap):
    """Minutes for which an instance is kept. worth_min: cost as much as a cold start; gap: mean so far, 0: unknown."""
    dear = min(1.0, max(0.0, math.log(worth_min / 3.0) / math.log(10.0)))
    return min(MOST_MIN, CHEAP_MIN + (DEAR_MIN - CHEAP_MIN) * dear + GAP * gap)


def ahead(gap, need):
    """What is started before the next call: the first minute, the last, counted from this call, and how many."""
    return gap * (1 - WIDTH), gap * (1 + WIDTH), round(AHEAD * need)


class Policy:
    def __init__(self, info):
        functions = len(info.mem_gb)
        self.worth_min = (info.cold_price_gb_min / info.mem_gb).tolist()
        self.first, self.active = [-1] * functions, [0] * functions
        self.until = np.full((65, functions), -1.0)  # the last minute for which a k-th instance is kept
        self.due = np.full((2, functions), -1.0)  # between these minutes so many are started ahead
        self.number = np.zeros(functions)

    def called(self, function, minute, need):
        if self.first[function] < 0:
            self.first[function] = minute
        gap = (minute - self.first[function]) / max(1, self.active[function])
        self.active[function] += 1
        self.until[:need, function] = minute + kept_min(self.worth_min[function], gap)
        if gap > 0:
            begin, end, number = ahead(gap, need)
            self.due[:, function] = minute + begin, minute + end
            self.number[function] = max(0, min(64, number))

    def target(self, obs):
        for function in np.flatnonzero(obs.invocations).tolist():
            self.called(function, obs.minute, int(obs.peak[function]))
        following = obs.minute + 1
        kept = (self.until >= following).sum(axis=0)
        due = (self.due[0] <= following) & (following <= self.due[1])
        return np.where(due, np.maximum(kept, self.number), kept).astype(np.int64)


# EVOLVE-BLOCK-END
