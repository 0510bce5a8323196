"""Send a request to where its first token is due soonest, by the machine's own costs: the reference, score 100.

The uncached tokens that wait there and its own uncached ones take the replica's time per token; every chunk of them
also carries the replica's decodes. What was sent since a replica's report is added to it. Of equal ones, the fewest
requests: when nothing waits anywhere, all replicas without the prefix are equal. Score 100 is what this program gets
when every replica's state is fresh; with reports it gets a little less.

Source: the cache-aware scheduling of Qin et al., "Mooncake", FAST 2025, algorithm 1, without transfers between
replicas.
"""

CHUNK_TOKENS = 2048


class Policy:
    def __init__(self, cluster):
        self.block_tokens = cluster.block_tokens
        self.ms_per_token = cluster.prefill_ms_per_token.tolist()
        self.ms_per_request = cluster.decode_ms_per_request.tolist()
        self.ms_per_kv_token = cluster.decode_ms_per_kv_token.tolist()
        self.sent = [0] * cluster.replicas
        self.requests = [0] * cluster.replicas
        self.chunk_ms = [0.0] * cluster.replicas
        self.queued = self.sent
        self.reported_s = -1.0

    def route(self, obs):
        requests = self.requests
        for done in obs.finished:
            requests[done.replica] -= 1
        if obs.reported_s > self.reported_s:
            self.read_report(obs)
        input_tokens, block_tokens = obs.request.input_tokens, self.block_tokens
        chosen, best, own = 0, (float("inf"), 0), 0
        for replica, match in enumerate(obs.match_blocks.tolist()):
            uncached = max(input_tokens - match * block_tokens, 1)
            waiting = self.queued[replica] + self.sent[replica] + uncached
            ttft_ms = waiting * self.ms_per_token[replica] - (-waiting // CHUNK_TOKENS) * self.chunk_ms[replica]
            if (ttft_ms, requests[replica]) < best:
                chosen, best, own = replica, (ttft_ms, requests[replica]), uncached
        self.sent[chosen] += own
        requests[chosen] += 1
        return chosen

    def read_report(self, obs):
        self.reported_s = obs.reported_s
        self.queued = obs.queued_tokens.tolist()
        self.sent = [0] * len(self.sent)
        running, kv_tokens = obs.running_requests.tolist(), obs.kv_used_tokens.tolist()
        for replica in range(len(self.sent)):
            self.chunk_ms[replica] = (
                running[replica] * self.ms_per_request[replica] + kv_tokens[replica] * self.ms_per_kv_token[replica]
            )
