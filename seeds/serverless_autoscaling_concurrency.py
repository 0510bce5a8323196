"""How many replicas of a service there are, and how many requests each does at once."""

import math

# EVOLVE-BLOCK-START
# Now as Knative does it: as many as the mean load of the last minute wants, sooner more when it rises fast.
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
