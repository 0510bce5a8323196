"""Flip a decode instance to prefill when first tokens will be late, one back when answers are slow or KV is short.

To prefill: the queue of every prefill instance takes longer than the SLO of the time to the first token, and decode is
well. Back: a decode step takes longer than its SLO, or decode instances use more than 80 % of their KV, and prefill is
well. Requests of a flipped decode instance are moved away. Dispatch and assignment: least time, as Mooncake's.

Source: the adaptive scheduling of stateless instances of Arrow (Wu et al., 2025, algorithm 2) and xLLM (Liu et al.,
2025, section 3.2): TTFT predicted from queues, TPOT watched.
"""

TTFT_SLO_S = 1.0
TPOT_SLO_MS = 100.0
KV_SHARE = 0.8
WELL = 0.7


class Policy:
    def __init__(self, fleet):
        self.fleet = fleet
        self.ms = fleet.prefill_ms_per_token.tolist()

    def step_ms(self, now):
        fleet = self.fleet
        kv = now.kv_used_tokens + now.incoming_tokens
        return fleet.decode_ms + fleet.decode_ms_per_request * now.running_requests + fleet.decode_ms_per_kv_token * kv

    def dispatch(self, obs):
        now = obs.instances
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), now.queued_tokens.tolist(), strict=False))
        return min(
            (state > 0, (tokens + obs.input_tokens) * self.ms[i], i) for i, (role, state, tokens) in rows if role == 0
        )[2]

    def assign(self, obs):
        now = obs.instances
        rows = enumerate(zip(now.role.tolist(), now.state.tolist(), self.step_ms(now).tolist(), strict=False))
        return min((state > 0, step_ms, i) for i, (role, state, step_ms) in rows if role == 1)[2]

    def control(self, obs):
        now, fleet = obs.instances, self.fleet
        roles, states = now.role.tolist(), now.state.tolist()
        queued, kv = now.queued_tokens.tolist(), now.kv_used_tokens.tolist()
        prefill = [i for i, role in enumerate(roles) if role == 0]
        decode = [i for i, role in enumerate(roles) if role == 1]
        if any(states):  # one change at a time: its effect is not seen yet
            return []
        wait_s = min(queued[i] * self.ms[i] for i in prefill) / 1000
        steps = self.step_ms(now).tolist()
        step_ms = sum(steps[i] for i in decode) / len(decode)
        used = sum(kv[i] for i in decode) / (len(decode) * fleet.kv_capacity_tokens)
        decode_well = step_ms * len(decode) / max(len(decode) - 1, 1) < TPOT_SLO_MS and used < WELL * KV_SHARE
        if wait_s > TTFT_SLO_S and decode_well and len(decode) > 1:
            return [[min(decode, key=lambda i: kv[i]), 0, 1]]
        late = step_ms > TPOT_SLO_MS or used > KV_SHARE
        if late and wait_s < WELL * TTFT_SLO_S and len(prefill) > 1:
            return [[min(prefill, key=lambda i: queued[i]), 1]]
        return []
