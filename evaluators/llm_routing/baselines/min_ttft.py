"""Send a request to where its first token is due soonest: uncached tokens that wait there, and its own uncached ones.

Both at the replica's time per token. What was sent since a replica's report is added to it. Reference: score 100 is what
this program gets when every replica's state is fresh.

Source: the cache-aware scheduling of Qin et al., "Mooncake", FAST 2025, algorithm 1, without transfers between replicas.
"""


class Policy:
    def __init__(self, cluster):
        self.block_tokens = cluster.block_tokens
        self.ms_per_token = cluster.prefill_ms_per_token.tolist()
        self.sent = [0] * cluster.replicas
        self.reported_s = -1.0

    def route(self, obs):
        sent = self.sent
        if obs.reported_s > self.reported_s:
            self.reported_s = obs.reported_s
            self.sent = sent = [0] * len(sent)
        input_tokens, block_tokens = obs.request.input_tokens, self.block_tokens
        chosen, soonest_ms, own = 0, float("inf"), 0
        for replica, (queued, match, ms) in enumerate(
            zip(obs.queued_tokens.tolist(), obs.match_blocks.tolist(), self.ms_per_token)
        ):
            uncached = max(input_tokens - match * block_tokens, 1)
            ttft_ms = (queued + sent[replica] + uncached) * ms
            if ttft_ms < soonest_ms:
                chosen, soonest_ms, own = replica, ttft_ms, uncached
        sent[chosen] += own
        return chosen
