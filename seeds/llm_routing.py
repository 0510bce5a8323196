"""A policy that is asked for each request which replica serves it."""

import numpy as np

# EVOLVE-BLOCK-START
# The replica with the lowest cost; with nothing but the turn counting, that is round robin.
TURN = 1.0  # how much it counts how far a replica's turn is away, 0 to 1
REQUESTS = 0.0  # how much it counts how many requests were sent there and are not complete
QUEUED = 0.0  # how much it counts how long the uncached tokens take that wait there, s
UNCACHED = 0.0  # how much it counts how long the uncached tokens of this request would take there, s
MEMORY = 0.0  # how much it counts which share of the KV memory is in use


def cost(turn, requests, queued_s, uncached_s, memory, ttft_slo_s):
    """What it costs to choose each replica: all but the last are arrays, one number per replica."""
    return TURN * turn + REQUESTS * requests + QUEUED * queued_s + UNCACHED * uncached_s + MEMORY * memory


class Policy:
    def __init__(self, cluster):
        self.cluster = cluster
        self.s_per_token = cluster.prefill_ms_per_token / 1000
        self.last = -1
        self.requests = np.zeros(cluster.replicas)
        self.sent_tokens = np.zeros(cluster.replicas)
        self.reported_s = -1.0

    def route(self, obs):
        """Return the replica of a request."""
        cluster = self.cluster
        for done in obs.finished:
            self.requests[done.replica] -= 1
        if obs.reported_s > self.reported_s:
            self.reported_s = obs.reported_s
            self.sent_tokens[:] = 0
        turn = (np.arange(cluster.replicas) - self.last - 1) % cluster.replicas / cluster.replicas
        uncached = obs.request.input_tokens - np.minimum(
            obs.match_blocks * cluster.block_tokens, obs.request.input_tokens
        )
        queued_s = (obs.queued_tokens + self.sent_tokens) * self.s_per_token
        uncached_s = uncached * self.s_per_token
        memory = obs.kv_used_tokens / cluster.kv_capacity_tokens
        best = int(np.argmin(cost(turn, self.requests, queued_s, uncached_s, memory, obs.request.ttft_slo_s)))
        self.last = best
        self.requests[best] += 1
        self.sent_tokens[best] += uncached[best]
        return best


# EVOLVE-BLOCK-END
