"""Classifies a page at its first touch, and leaves it there: small writes to the fastest device while it has room.

Source: the idea of Archivist (Ren et al., ICCD 2019), which classifies files at creation, with a rule for its network.
"""


class Policy:
    def __init__(self, info):
        self.slowest = len(info.capacity) - 1
        self.capacity = info.capacity

    def place(self, req):
        if req.device_now >= 0:
            return req.device_now
        small = req.is_write and req.pages <= 4
        for device in range(self.slowest):
            if req.free_frac[device] * self.capacity[device] >= req.pages and (small or device):
                return device
        return self.slowest

    def migrate(self, obs):
        return []
