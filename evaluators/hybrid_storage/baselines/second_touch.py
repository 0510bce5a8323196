"""What is touched for the second time goes up one device. Source: admission on second touch, as 2Q (VLDB 1994)."""


class Policy:
    def __init__(self, info):
        self.slowest = len(info.capacity) - 1

    def place(self, req):
        if req.device_now < 0:
            return self.slowest
        return max(0, req.device_now - 1) if req.count == 1 else req.device_now

    def migrate(self, obs):
        return []
