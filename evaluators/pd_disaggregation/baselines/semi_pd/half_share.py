"""Every machine shared, half of its SMs for prompts and half for answers; requests go to the least queued prompts.

Source: the static partition that semi-PD compares itself with (Hong et al., 2025, "semi-PD: Towards Efficient LLM
Serving via Phase-Wise Disaggregated Computation and Unified Storage").
"""


class Policy:
    def __init__(self, fleet):
        self.n = fleet.instances

    def dispatch(self, obs):
        now = obs.instances
        rows = enumerate(zip(now.state.tolist(), now.queued_tokens.tolist(), now.kv_used_tokens.tolist(), strict=True))
        return min((state > 0, tokens, kv, i) for i, (state, tokens, kv) in rows)[3]

    def assign(self, obs):
        return int(obs.instances.kv_used_tokens.argmin())

    def control(self, obs):
        return [[i, 2, 0, 50] for i in range(self.n)] if obs.now_s == 0 else []
