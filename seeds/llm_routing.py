"""Send each request to the replica with the lowest cost; with nothing but the turn counting, that is round robin."""

# EVOLVE-BLOCK-START
TURN = 1.0  # how much it counts how long a replica must wait until it is its turn again, 0 to 1
REQUESTS = 0.0  # ... how many requests were sent there and are not complete
QUEUED = 0.0  # ... how many seconds the uncached tokens take that wait there
UNCACHED = 0.0  # ... how many seconds the uncached tokens of this request would take
MEMORY = 0.0  # ... which share of the KV memory is in use


def cost(turn, requests, queued_s, uncached_s, memory, late):
    """What it costs to choose a replica. late: by how many times its SLO the first token would come, estimated."""
    return TURN * turn + REQUESTS * requests + QUEUED * queued_s + UNCACHED * uncached_s + MEMORY * memory


class Policy:
    def __init__(self, cluster):
        self.replicas = cluster.replicas
        self.block_tokens = cluster.block_tokens
        self.kv_capacity_tokens = cluster.kv_capacity_tokens
        self.s_per_token = [ms / 1000 for ms in cluster.prefill_ms_per_token.tolist()]
        self.last = -1
        self.requests = [0] * cluster.replicas
        self.sent_tokens = [0] * cluster.replicas
        self.reported_s = -1.0

    def route(self, obs):
        """Return the replica of a request."""
        for done in obs.finished:
            self.requests[done.replica] -= 1
        if obs.reported_s > self.reported_s:
            self.reported_s = obs.reported_s
            self.sent_tokens = [0] * self.replicas
        match = obs.match_blocks.tolist()
        queued_tokens = obs.queued_tokens.tolist()
        kv_used_tokens = obs.kv_used_tokens.tolist()
        best, best_cost, best_uncached = 0, float("inf"), 0
        for replica in range(self.replicas):
            turn = (replica - self.last - 1) % self.replicas / self.replicas
            uncached = max(obs.request.input_tokens - match[replica] * self.block_tokens, 1)
            queued_s = (queued_tokens[replica] + self.sent_tokens[replica]) * self.s_per_token[replica]
            uncached_s = uncached * self.s_per_token[replica]
            memory = kv_used_tokens[replica] / self.kv_capacity_tokens
            late = (queued_s + uncached_s) / obs.request.ttft_slo_s
            replica_cost = cost(turn, self.requests[replica], queued_s, uncached_s, memory, late)
            if replica_cost < best_cost:
                best, best_cost, best_uncached = replica, replica_cost, uncached
        self.last = best
        self.requests[best] += 1
        self.sent_tokens[best] += best_uncached
        return best


# EVOLVE-BLOCK-END
