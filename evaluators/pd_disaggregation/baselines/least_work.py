"""Half and half; the prefill instance with the fewest queued tokens, the decode instance with the least KV.

Source: the dispatch of DistServe (Zhong et al., OSDI 2024, section 4.3): shortest queue, least loaded decode.
"""


class Policy:
    def __init__(self, fleet):
        pass

    def dispatch(self, obs):
        now = obs.instances
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), now.queued_tokens.tolist(), strict=True))
        return min((state > 0, tokens, i) for i, (role, state, tokens) in rows if role == 0)[2]

    def assign(self, obs):
        now = obs.instances
        kv = (now.kv_used_tokens + now.incoming_tokens).tolist()
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), kv, strict=True))
        return min((state > 0, tokens, i) for i, (role, state, tokens) in rows if role == 1)[2]

    def control(self, obs):
        return []
