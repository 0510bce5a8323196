"""A contextual bandit: by size, kind, count, gap and room, the device that has cost least so far.

What a choice costs is the time of the I/O, and of the one eviction that it will cause where the device is full; what it
saves is learnt by the gaps after which such pages come again. Source: the features of Sibyl (Singh et al., ISCA 2022),
with a table in place of its network."""

import random

EXPLORE = 0.05
RATE = 0.05


class Policy:
    def __init__(self, info):
        self.rng = random.Random(0)
        self.info = info
        self.devices = len(info.capacity)
        self.again = {}  # by context, how likely a page is touched again soon
        self.last = {}  # by page, the context and number of its last placing
        self.number = 0

    def place(self, req):
        self.number += 1
        context = (min(3, req.pages // 4), req.is_write, min(3, req.count), min(4, max(-1, req.gap) // 200))
        before = self.last.get(req.page)
        if before is not None:
            known = self.again.get(before[0], 0.5)
            soon = self.number - before[1] < 4 * self.info.capacity[0]
            self.again[before[0]] = known + RATE * (soon - known)
        self.last[req.page] = (context, self.number)
        chance = self.again.get(context, 0.5)
        if self.rng.random() < EXPLORE:
            return self.rng.randrange(self.devices)

        def cost(device):
            info = self.info
            own = info.write_us[device] if req.is_write else info.read_us[device]
            evict = 0.0
            if device + 1 < self.devices and req.free_frac[device] * info.capacity[device] < req.pages:
                evict = req.pages * (info.read_us[device] + info.write_us[device + 1])
            return own + evict + 2.0 * chance * info.read_us[device] + req.queue_us[device]

        return min(range(self.devices), key=cost)

    def migrate(self, obs):
        return []
