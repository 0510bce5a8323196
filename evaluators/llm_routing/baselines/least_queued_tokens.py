"""Send a request to where the fewest uncached prompt tokens wait, whatever is cached there.

Of equal ones, the fewest requests. What was sent since a replica's report is added to it.

Source: queue length in tokens as the load, e.g. the token-aware balancing of Srivatsa et al., "Preble", ICLR 2025.
"""


class Policy:
    def __init__(self, cluster):
        self.block_tokens = cluster.block_tokens
        self.sent = [0] * cluster.replicas
        self.requests = [0] * cluster.replicas
        self.reported_s = -1.0

    def route(self, obs):
        if obs.reported_s > self.reported_s:
            self.reported_s = obs.reported_s
            self.sent = [0] * len(self.sent)
        for done in obs.finished:
            self.requests[done.replica] -= 1
        queued = obs.queued_tokens.tolist()
        load = [(queued[i] + self.sent[i], self.requests[i]) for i in range(len(queued))]
        chosen = load.index(min(load))
        cached = int(obs.match_blocks[chosen]) * self.block_tokens
        self.sent[chosen] += max(obs.request.input_tokens - cached, 1)
        self.requests[chosen] += 1
        return chosen
