"""The gateway holds requests and forwards one only to a prefill instance that is idle; half and half.

So a prompt is not bound early to a queue that turns out long. Decode: least KV. Of idle instances, the quickest.

Source: P/D-Serve (Jin et al., 2024, section 3.4, "on-demand forwarding upon rejections"): idle instances accept, busy
ones reject, and the gateway goes on asking.
"""


class Policy:
    def __init__(self, fleet):
        self.ms = fleet.prefill_ms_per_token.tolist()

    def dispatch(self, obs):
        now = obs.instances
        rows = zip(now.role.tolist(), now.state.tolist(), now.queued_tokens.tolist(), strict=False)
        idle = [(self.ms[i], i) for i, (role, state, tokens) in enumerate(rows) if (role, state, tokens) == (0, 0, 0)]
        return min(idle)[1] if idle else -1

    def assign(self, obs):
        now = obs.instances
        kv = (now.kv_used_tokens + now.incoming_tokens).tolist()
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), kv, strict=False))
        return min((state > 0, tokens, i) for i, (role, state, tokens) in rows if role == 1)[2]

    def control(self, obs):
        return []
