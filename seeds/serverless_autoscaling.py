"""How long instances stay warm, by what is known of the calls of each function; and how a service is scaled."""

import math

import numpy as np

# EVOLVE-BLOCK-START
# Now every one is kept for ten minutes after it was last busy; nothing is started ahead.
KEPT_MIN = 10.0  # minutes for which every instance is kept
POWER = 0.0  # how strongly it hangs on the minutes that cost as much as a cold start, 10 being usual
GAP = 0.0  # and for how many of its mean gaps between minutes with calls
MOST_MIN = 240.0  # it is not kept longer
AHEAD = 0.0  # of the instances needed last, the share that is started when the mean gap has passed
WIDTH = 0.1  # of the mean gap, how far from it that still is


def kept_min(worth_min, gap):
    """Minutes for which an instance is kept. worth_min: cost as much as a cold start; gap: mean so far, 0: unknown."""
    return min(MOST_MIN, KEPT_MIN * (worth_min / 10.0) ** POWER + GAP * gap)


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


LIMIT = 100  # requests that a replica does at once
FILLED = 0.7  # of the limit, at which as many replicas are as are wanted
STABLE = 30  # ticks over which the load is averaged
PANIC = 3  # the same when it rises fast
THRESHOLD = 2.0  # times the ready replicas, from which on that is so
DOWN = 2.0  # at most by this factor fewer replicas at once
SLOWER = 0.0  # power of the base time over the present one by which the limit is lowered


class Scaler:
    def __init__(self, info):
        self.info = info
        self.past = []
        self.panic_until = -1
        self.most = 0
        self.limit = LIMIT

    def decide(self, obs):
        self.past = [*self.past[-99:], obs.wanted]
        self.limit = max(1, min(1000, round(LIMIT * (self.info.base_s / obs.service_s) ** SLOWER)))
        stable, panic = self.desired(obs, STABLE), self.desired(obs, PANIC)
        if panic >= THRESHOLD * obs.ready:
            self.panic_until = obs.tick + STABLE
        if obs.tick > self.panic_until:
            self.most = stable
        else:
            self.most = max(self.most, panic, stable, obs.ready)
        return min(200, self.most), self.limit

    def desired(self, obs, ticks):
        """Replicas for the mean load of the last ticks."""
        recent = self.past[-max(1, round(ticks)) :]
        wanted = math.ceil(sum(recent) / len(recent) / (FILLED * self.limit))
        return int(max(1, wanted, math.floor(obs.ready / DOWN)))


# EVOLVE-BLOCK-END
