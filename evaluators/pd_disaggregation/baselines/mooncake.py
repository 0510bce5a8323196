"""The prefill instance with the shortest time to the first token, the decode instance with the shortest step.

Roles stay but for once a minute, when half of the instances that a role lacks by the last minute's traffic change to
it: Mooncake prefers a fixed ratio unless the load has shifted much. Nothing is rejected early: every request must be
served here.

Source: the Conductor of Qin et al., "Mooncake", FAST 2025, algorithm 1, without its cache and without early rejection;
section 7 for when machines move between the pools.
"""

EVERY_S, AT_S = 60, 30
STEP_MS = 80.0
MOST_CHANGES = 2


class Policy:
    def __init__(self, fleet):
        self.left = 0  # instances that are still to become prefill; below 0: decode
        self.ms = fleet.prefill_ms_per_token.tolist()
        self.step_ms = fleet.decode_ms.tolist()
        self.request_ms = fleet.decode_ms_per_request.tolist()
        self.kv_ms = fleet.decode_ms_per_kv_token.tolist()

    def dispatch(self, obs):
        now = obs.instances
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), now.queued_tokens.tolist(), strict=True))
        return min(
            (state > 0, (tokens + obs.input_tokens) * self.ms[i], i) for i, (role, state, tokens) in rows if role == 0
        )[2]

    def assign(self, obs):
        now, best = obs.instances, []
        kv = (now.kv_used_tokens + now.incoming_tokens).tolist()
        running = now.running_requests.tolist()
        for i, (role, state) in enumerate(zip(now.role.tolist(), now.state.tolist(), strict=True)):
            if role == 1:
                step_ms = self.step_ms[i] + self.request_ms[i] * running[i] + self.kv_ms[i] * kv[i]
                best.append((state > 0, step_ms, i))
        return min(best)[2]

    def control(self, obs):
        now = obs.instances
        roles = now.role.tolist()
        if obs.now_s % EVERY_S == AT_S:
            missing = self.wanted(obs) - roles.count(0)
            self.left = missing // 2 if missing > 0 else -(-missing // 2)
        ready = [i for i, state in enumerate(now.state.tolist()) if state == 0]
        if self.left > 0:
            able = sorted((int(now.kv_used_tokens[i]), i) for i in ready if roles[i] == 1)
            able = able[: min(MOST_CHANGES, self.left)]
            self.left -= len(able)
            return [[i, 0, 1] for _, i in able]
        able = sorted((int(now.queued_tokens[i]), i) for i in ready if roles[i] == 0)
        able = able[: min(MOST_CHANGES, -self.left)]
        self.left += len(able)
        return [[i, 1] for _, i in able]

    def wanted(self, obs):
        """Prefill instances in the ratio of the prompts of the last minute and of the requests that decode."""
        now, n = obs.instances, len(self.ms)
        prefill = obs.arrived_60s[:, 1].sum() / min(obs.now_s, 60.0) * sum(self.ms) / n / 1000
        kv = now.kv_used_tokens.sum() / max(now.running_requests.sum(), 1)
        batch = sum((STEP_MS - self.step_ms[i]) / (self.request_ms[i] + self.kv_ms[i] * kv) for i in range(n)) / n
        decode = now.running_requests[now.role == 1].sum() / batch
        return min(max(round(n * prefill / max(prefill + decode, 1e-9)), 1), n - 1)
