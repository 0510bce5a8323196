"""Weigh cached prefix against load: 2 * overlap - KV usage - waiting / most waiting, the largest.

overlap: share of the prompt that is cached. Of equal replicas one is drawn at random.

Source: the KV-aware router of NVIDIA Dynamo (2025), its default cost function. What was sent since a replica's report
counts as waiting.
"""

import random


class Policy:
    def __init__(self, cluster):
        self.capacity = cluster.kv_capacity_tokens
        self.block_tokens = cluster.block_tokens
        self.sent = [0] * cluster.replicas
        self.reported_s = -1.0
        self.rng = random.Random(0)

    def route(self, obs):
        if obs.reported_s > self.reported_s:
            self.reported_s = obs.reported_s
            self.sent = [0] * len(self.sent)
        waiting = (obs.queued_requests + self.sent).tolist()
        most = max(max(waiting), 1)
        best, ties = None, []
        used = obs.kv_used_tokens.tolist()
        for replica, match in enumerate(obs.match_blocks.tolist()):
            overlap = min(match * self.block_tokens / obs.request.input_tokens, 1.0)
            score = 2 * overlap - used[replica] / self.capacity - waiting[replica] / most
            if best is None or score > best:
                best, ties = score, [replica]
            elif score == best:
                ties.append(replica)
        chosen = self.rng.choice(ties)
        self.sent[chosen] += 1
        return chosen
