"""The prefill instance with the shortest time to the first token, the decode instance with the shortest step.

Half and half, and fixed: Mooncake moves machines between its pools only when traffic has shifted for long. Nothing is
rejected early: every request must be served here.

Source: the Conductor of Qin et al., "Mooncake", FAST 2025, algorithm 1, without its cache and without early rejection.
"""


class Policy:
    def __init__(self, fleet):
        self.ms = fleet.prefill_ms_per_token.tolist()
        self.step_ms = fleet.decode_ms.tolist()
        self.request_ms = fleet.decode_ms_per_request.tolist()
        self.kv_ms = fleet.decode_ms_per_kv_token.tolist()

    def dispatch(self, obs):
        now, best = obs.instances, []
        for i, (role, state, tokens) in enumerate(
            zip(now.role.tolist(), now.state.tolist(), now.queued_tokens.tolist(), strict=False)
        ):
            if role == 0:
                best.append((state > 0, (tokens + obs.input_tokens) * self.ms[i], i))
        return min(best)[2]

    def assign(self, obs):
        now, best = obs.instances, []
        kv = (now.kv_used_tokens + now.incoming_tokens).tolist()
        running = now.running_requests.tolist()
        for i, (role, state) in enumerate(zip(now.role.tolist(), now.state.tolist(), strict=False)):
            if role == 1:
                step_ms = self.step_ms[i] + self.request_ms[i] * running[i] + self.kv_ms[i] * kv[i]
                best.append((state > 0, step_ms, i))
        return min(best)[2]

    def control(self, obs):
        return []
