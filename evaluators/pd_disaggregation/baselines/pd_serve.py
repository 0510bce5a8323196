"""The gateway holds requests and forwards one only to a prefill instance that has no full batch waiting; half and half.

So a prompt is not bound early to a queue that turns out long. Of those that accept, the one that is done soonest.
Decode: least KV.

Source: P/D-Serve (Jin et al., 2024, section 3.4, "on-demand forwarding upon rejections"): instances with a free slot
accept, others reject, and the gateway goes on asking.
"""

BATCH_TOKENS = 2048


class Policy:
    def __init__(self, fleet):
        self.ms = fleet.prefill_ms_per_token.tolist()

    def dispatch(self, obs):
        now = obs.instances
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), now.queued_tokens.tolist(), strict=True))
        accepting = [
            ((tokens + obs.input_tokens) * self.ms[i], i)
            for i, (role, state, tokens) in rows
            if role == 0 and state == 0 and tokens < BATCH_TOKENS
        ]
        return min(accepting)[1] if accepting else -1

    def assign(self, obs):
        now = obs.instances
        kv = (now.kv_used_tokens + now.incoming_tokens).tolist()
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), kv, strict=True))
        return min((state > 0, tokens, i) for i, (role, state, tokens) in rows if role == 1)[2]

    def control(self, obs):
        return []
