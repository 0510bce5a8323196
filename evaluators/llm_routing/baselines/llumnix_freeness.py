"""Send a request to the freest replica: (free KV blocks - blocks that wait) / requests, the largest.

Source: Sun et al., "Llumnix: Dynamic Scheduling for Large Language Model Serving", OSDI 2024, section 4.4 (dispatching
by freeness; without migration). What was sent since a replica's report is added to it. An empty replica is the freest.
"""


class Policy:
    def __init__(self, cluster):
        self.capacity = cluster.kv_capacity_tokens
        self.block_tokens = cluster.block_tokens
        self.sent_tokens = [0] * cluster.replicas
        self.requests = [0] * cluster.replicas
        self.reported_s = -1.0

    def route(self, obs):
        if obs.reported_s > self.reported_s:
            self.reported_s = obs.reported_s
            self.sent_tokens = [0] * len(self.sent_tokens)
        for done in obs.finished:
            self.requests[done.replica] -= 1
        used, queued = obs.kv_used_tokens.tolist(), obs.queued_tokens.tolist()
        freest, chosen = None, 0
        for replica, requests in enumerate(self.requests):
            free = self.capacity - used[replica] - queued[replica] - self.sent_tokens[replica]
            freeness = free / self.block_tokens / requests if requests else float("inf")
            if freest is None or freeness > freest:
                freest, chosen = freeness, replica
        self.sent_tokens[chosen] += obs.request.input_tokens
        self.requests[chosen] += 1
        return chosen
