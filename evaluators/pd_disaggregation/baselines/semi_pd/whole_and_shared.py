"""A third of the machines for prompts alone, the others shared with 54 % for prompts, where decode loses nothing yet.

A prompt goes where the sum of its two ratios, of waiting and of a decode step to what the SLOs allow, is least.

Source: the step of semi-PD's decode (Hong et al., 2025), flat from 1 / 2.2 of the SMs on, and the mixed pool of Patel
et al., "Splitwise", ISCA 2024.
"""

TPOT_SLO_MS = 100.0
SHARE = 54


class Policy:
    def __init__(self, fleet):
        self.fleet = fleet
        order = (fleet.prefill_ms_per_token / fleet.decode_ms).argsort(kind="stable").tolist()
        self.whole = set(order[: round(fleet.instances / 3)])

    def steps(self, now):
        fleet = self.fleet
        kv = now.kv_used_tokens + now.incoming_tokens
        ms = fleet.decode_ms + fleet.decode_ms_per_request * now.running_requests + fleet.decode_ms_per_kv_token * kv
        return ms + 1e6 * (now.state > 0) + 1e9 * (now.role == 0)

    def dispatch(self, obs):
        now = obs.instances
        steps = self.steps(now)
        slower = (100 / now.share.clip(1)) ** 0.9
        first = (now.queued_tokens + obs.input_tokens) * self.fleet.prefill_ms_per_token * slower
        later = steps * (now.role == 2) + steps.min() * (now.role == 0)
        return int((first / (1000 * obs.ttft_slo_s) + later / TPOT_SLO_MS + 1e6 * (now.state > 0)).argmin())

    def assign(self, obs):
        return int(self.steps(obs.instances).argmin())

    def control(self, obs):
        if obs.now_s:
            return []
        return [[i, 0] if i in self.whole else [i, 2, 0, SHARE] for i in range(self.fleet.instances)]
