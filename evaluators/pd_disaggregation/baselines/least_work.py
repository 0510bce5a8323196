"""Half and half; the prefill instance with the fewest queued tokens, the decode instance with the least KV.

Source: the dispatch of DistServe (Zhong et al., OSDI 2024, section 4.3): shortest queue, least loaded decode.
"""


class Policy:
    def __init__(self, fleet):
        pass

    def dispatch(self, obs):
        now = obs.instances
        able = [
            (tokens, i)
            for i, (role, tokens) in enumerate(zip(now.role, now.queued_tokens.tolist(), strict=False))
            if role == 0
        ]
        return min(able)[1]

    def assign(self, obs):
        now = obs.instances
        kv = (now.kv_used_tokens + now.incoming_tokens).tolist()
        return min((tokens, i) for i, (role, tokens) in enumerate(zip(now.role, kv, strict=False)) if role == 1)[1]

    def control(self, obs):
        return []
