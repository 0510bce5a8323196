"""Divide the fleet in the ratio of what prefill and decode need, as seen over the last minute.

Prefill: the work of the prompts that came in 60 s, at 70 % busy. Decode: the tokens generated a second over those of
the largest batch whose step stays within 0.95 of its SLO, or the requests that decode now over that batch, whichever
is more. Of decode instances that with the least KV changes, and its requests are moved away; of prefill instances that
with the least queue. Dispatch: least work, as quick as the machines are.

Source: the ratio that DistServe finds by simulation (Zhong et al., OSDI 2024, section 4.1), followed while traffic
changes as in Splitwise's mixed pool (Patel et al., ISCA 2024) and DOPD (2025).
"""

TPOT_SLO_MS = 100.0
BUSY = 0.7
STEP_SHARE = 0.95


class Policy:
    def __init__(self, fleet):
        self.fleet = fleet
        self.each_ms = fleet.prefill_ms_per_token.tolist()
        self.step_ms = fleet.decode_ms.tolist()
        self.prefill_ms = float(fleet.prefill_ms_per_token.mean())
        self.fixed_ms = float(fleet.decode_ms.mean())
        self.request_ms = float(fleet.decode_ms_per_request.mean())
        self.kv_ms = float(fleet.decode_ms_per_kv_token.mean())

    def dispatch(self, obs):
        now = obs.instances
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), now.queued_tokens.tolist(), strict=False))
        return min(
            (state > 0, (tokens + obs.input_tokens) * self.each_ms[i], i)
            for i, (role, state, tokens) in rows
            if role == 0
        )[2]

    def assign(self, obs):
        now = obs.instances
        kv = (now.kv_used_tokens + now.incoming_tokens).tolist()
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), kv, strict=False))
        return min((state > 0, tokens * self.step_ms[i], i) for i, (role, state, tokens) in rows if role == 1)[2]

    def control(self, obs):
        now = obs.instances
        n, seconds = self.fleet.instances, min(max(obs.now_s, 1.0), 60.0)
        requests, tokens = obs.arrived_60s.sum(axis=0).tolist()
        done, answers = obs.completed_60s.sum(axis=0).tolist()
        if not requests or not done:
            return []
        prefill = tokens * self.prefill_ms / 1000 / seconds / BUSY
        step_ms = TPOT_SLO_MS * STEP_SHARE
        batch = (step_ms - self.fixed_ms) / (self.request_ms + self.kv_ms * (tokens / requests + answers / done / 2))
        decoding = int(now.running_requests[now.role == 1].sum())
        decode = max(answers / seconds * step_ms / 1000, decoding) / batch
        wanted = min(max(round(n * prefill / (prefill + decode)), 1), n - 1)
        roles = now.role.tolist()
        have = roles.count(0)
        ready = [i for i, state in enumerate(now.state.tolist()) if state == 0]
        if wanted > have:
            able = sorted((int(now.kv_used_tokens[i]), i) for i in ready if roles[i] == 1)
            return [[i, 0, 1] for _, i in able[: min(2, wanted - have)]]
        able = sorted((int(now.queued_tokens[i]), i) for i in ready if roles[i] == 0)
        return [[i, 1] for _, i in able[: min(2, have - wanted)]]
