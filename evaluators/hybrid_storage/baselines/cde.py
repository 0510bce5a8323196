"""Hot or random writes to the fastest device, cold or sequential ones to the slowest.

Hot: the third touch or later. Sequential: eight pages or more, or the page after the last request. Source: cold data
eviction (CDE, Matsui et al. 2017, Proc. IEEE 105), as the heuristic that Sibyl is compared with."""

HOT = 3
SEQUENTIAL = 8


class Policy:
    def __init__(self, info):
        self.slowest = len(info.capacity) - 1
        self.after = -1

    def place(self, req):
        sequential = req.pages >= SEQUENTIAL or req.page == self.after
        self.after = req.page + req.pages
        hot = req.count + 1 >= HOT
        return 0 if hot or (req.is_write and req.count and not sequential) else self.slowest

    def migrate(self, obs):
        return []
