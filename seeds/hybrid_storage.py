"""A value for each request, which decides on the device of its pages; and moves of pages between them."""

from collections import Counter

# EVOLVE-BLOCK-START
# Now nothing has any value: everything stays where it is slowest, without moves.
BAR = 0.5  # a page whose value is above this goes to the fastest device, above half of it to the next, and so on
COUNT = 0.0  # value of each earlier request of a page
RECENT = 0.0  # value of having been touched a moment ago; half of it is left after HALF_LIFE requests
HALF_LIFE = 500.0
WRITE = 0.0  # value of a write
SMALL = 0.0  # value of a request of one page; of n pages, its n-th part
ROOM = 0.0  # a device takes nothing when a smaller share of it is free: what it evicts costs time
BUSY = 0.0  # value that is lost for each millisecond that a device is busy
MOVES = 0  # pages that go to the fastest device after 500 requests, those with the most requests
LEAST = 3  # requests that a page needs for that


class Policy:
    def __init__(self, info):
        self.slowest = len(info.capacity) - 1

    def value(self, req):
        recent = 0.5 ** (req.gap / HALF_LIFE) if req.gap >= 0 else 0.0
        return COUNT * req.count + RECENT * recent + WRITE * req.is_write + SMALL / req.pages

    def place(self, req):
        bar, value = BAR, self.value(req)
        for device in range(self.slowest):
            if value - BUSY * req.queue_us[device] / 1000 > bar and req.free_frac[device] >= ROOM:
                return device
            bar = bar / 2
        return self.slowest

    def migrate(self, obs):
        pages = obs.page.tolist()
        now = dict(zip(pages, obs.device_now.tolist(), strict=True))
        up = [page for page, count in Counter(pages).most_common() if count >= LEAST and now[page] > 0]
        return [(page, 0) for page in up[: min(64, max(0, int(MOVES)))]]


# EVOLVE-BLOCK-END
