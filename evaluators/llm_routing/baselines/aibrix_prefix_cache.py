"""Balance when the replicas' requests differ much, else take the best cached prefix among those not too loaded.

If the most and the fewest requests differ by more than 8: the fewest. Else the best match among replicas with at most
mean + one standard deviation of the requests; of equal ones, the fewest requests.

Source: "prefix-cache" routing of AIBrix (The AIBrix Team, "AIBrix", 2025): its gateway plug-in, with default settings.
"""

IMBALANCE = 8
DEVIATIONS = 1.0


class Policy:
    def __init__(self, cluster):
        self.requests = [0] * cluster.replicas

    def route(self, obs):
        requests = self.requests
        for done in obs.finished:
            requests[done.replica] -= 1
        if max(requests) - min(requests) > IMBALANCE:
            chosen = requests.index(min(requests))
        else:
            mean = sum(requests) / len(requests)
            deviation = (sum((r - mean) ** 2 for r in requests) / len(requests)) ** 0.5
            match = obs.match_blocks.tolist()
            allowed = [i for i, r in enumerate(requests) if r <= mean + DEVIATIONS * deviation]
            chosen = max(allowed, key=lambda i: (match[i], -requests[i]))
        requests[chosen] += 1
        return chosen
