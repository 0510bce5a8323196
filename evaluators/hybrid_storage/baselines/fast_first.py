"""The fastest device that has room for the whole request. Source: first touch placement without migration."""


class Policy:
    def __init__(self, info):
        self.capacity = info.capacity

    def place(self, req):
        if req.device_now >= 0:
            return req.device_now
        room = [frac * most for frac, most in zip(req.free_frac, self.capacity, strict=True)]
        return next((d for d, pages in enumerate(room) if pages >= req.pages), len(room) - 1)

    def migrate(self, obs):
        return []
