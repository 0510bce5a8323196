"""Everything on the slowest device. Source: the naive baseline, Slow-Only of Sibyl (Singh et al., ISCA 2022)."""


class Policy:
    def __init__(self, info):
        self.slowest = len(info.capacity) - 1

    def place(self, req):
        return self.slowest

    def migrate(self, obs):
        return []
