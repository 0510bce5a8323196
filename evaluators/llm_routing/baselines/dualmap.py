"""Two hashes of a prompt's head name two replicas: the one with the better match, unless it would miss the SLO.

If its estimated time to first token is beyond the SLO, the one of the two that answers sooner. Without hotspot
rebalancing: the bare two-hash form. The head is the first two blocks, since all requests share the first one.

Published above least requests and Llumnix, and so it is on the public windows, where no head has 1 % of the requests.
On train it is below both: there one tenant's head has 12 to 24 % of them, as much as two of 16 replicas can serve or
twice that; the published system has its hotspot rebalancing for this.

Source: "DualMap: Enabling Both Cache Affinity and Load Balancing for Distributed LLM Serving", 2026.
"""

HEAD_BLOCKS = 2


class Policy:
    def __init__(self, cluster):
        self.replicas = cluster.replicas
        self.block_tokens = cluster.block_tokens
        self.ms_per_token = cluster.prefill_ms_per_token.tolist()
        self.sent = [0] * cluster.replicas
        self.reported_s = -1.0

    def route(self, obs):
        if obs.reported_s > self.reported_s:
            self.reported_s = obs.reported_s
            self.sent = [0] * self.replicas
        hashes = obs.request.block_hashes
        head = int(hashes[min(len(hashes), HEAD_BLOCKS) - 1])
        first = head % self.replicas
        second = (first + 1 + (head // self.replicas) % (self.replicas - 1)) % self.replicas
        own = {
            r: max(obs.request.input_tokens - int(obs.match_blocks[r]) * self.block_tokens, 1) for r in (first, second)
        }
        ttft_s = {
            r: (int(obs.queued_tokens[r]) + self.sent[r] + own[r]) * self.ms_per_token[r] / 1000
            for r in (first, second)
        }
        chosen = min((first, second), key=lambda r: (own[r], ttft_s[r]))
        if ttft_s[chosen] > obs.request.ttft_slo_s:
            chosen = min((first, second), key=lambda r: ttft_s[r])
        self.sent[chosen] += own[chosen]
        return chosen
