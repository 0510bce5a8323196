"""How long instances stay warm, by what is known of the calls of each function."""

import numpy as np

# EVOLVE-BLOCK-START
# Now every one is kept for ten minutes after it was last busy; nothing is started ahead.
KEPT_MIN = 10.0  # minutes for which every instance is kept
POWER = 0.0  # how strongly it hangs on the minutes that cost as much as a cold start, 10 being usual
GAP = 0.0  # and for how many of its mean gaps between minutes with calls
MOST_MIN = 240.0  # it is not kept longer
AHEAD = 0.0  # of the instances needed last, the share that is started when the mean gap has passed
WIDTH = 0.1  # of the mean gap, how far from it that still is


def kept_min(price, mem, gap):
    """Minutes for which instances are kept. price: GB-minutes a cold start; gap: mean so far, minutes, 0: unknown."""
    return KEPT_MIN * (price / mem / 10.0) ** POWER + GAP * gap


class Policy:
    def __init__(self, info):
        functions = len(info.mem_gb)
        self.price, self.mem = info.cold_price_gb_min, info.mem_gb
        self.busy = np.full((65, functions), -100_000)  # the minute in which a k-th instance was last busy
        self.level = np.arange(65)[:, None]
        self.first = np.full(functions, -1)
        self.active = np.zeros(functions)
        self.need = np.zeros(functions, dtype=np.int64)

    def target(self, obs):
        called = obs.invocations > 0
        self.first = np.where((self.first < 0) & called, obs.minute, self.first)
        self.active += called
        self.need = np.where(called, obs.peak, self.need)
        self.busy = np.where(self.level < obs.peak, obs.minute, self.busy)
        gap = np.where(self.active > 1, (obs.minute - obs.idle_min - self.first) / np.maximum(1, self.active - 1), 0.0)
        kept = np.minimum(kept_min(self.price, self.mem, gap), MOST_MIN)
        warm = (obs.minute + 1 - self.busy <= kept).sum(axis=0)
        near = (gap > 0) & (np.abs(obs.idle_min + 1 - gap) <= WIDTH * gap)
        return np.clip(np.where(near, np.maximum(warm, np.round(AHEAD * self.need)), warm), 0, 64).astype(np.int64)


# EVOLVE-BLOCK-END
