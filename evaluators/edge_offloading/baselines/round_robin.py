"""The servers in turn. Source: the usual null model of load balancing."""


class Policy:
    def __init__(self, info):
        self.last = -1

    def offload(self, task, servers, preference):
        self.last = (self.last + 1) % len(servers.failed)
        while servers.failed[self.last]:
            self.last = (self.last + 1) % len(servers.failed)
        return self.last
