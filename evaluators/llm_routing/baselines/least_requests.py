"""Join the shortest queue: the replica with the fewest requests that were sent there and are not complete.

Source: join-the-shortest-queue (Winston 1977); "load balancing" in Qin et al., "Mooncake", FAST 2025, figure 5;
"least-request" of the AIBrix gateway. The gateway counts by itself, so that stale reports do no harm.
"""


class Policy:
    def __init__(self, cluster):
        self.requests = [0] * cluster.replicas

    def route(self, obs):
        for done in obs.finished:
            self.requests[done.replica] -= 1
        chosen = self.requests.index(min(self.requests))
        self.requests[chosen] += 1
        return chosen
