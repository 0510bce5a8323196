"""Every machine shared; each gives prefill more where prompts wait longer than their SLO allows, else decode.

Every 5 s, per machine: the time that its queued prompts take over the SLO of the first token, and its decode step over
that of later ones; five points of the SMs move to the side that is worse off, if that is above its target. A prompt
goes where the sum of both ratios is least.

Source: the SLO-aware dynamic partitioning of semi-PD (Hong et al., 2025): the ratio follows the violations of TTFT and
TPOT, in small steps.
"""

TTFT_SLO_MS, TPOT_SLO_MS = 1300.0, 100.0
STEP = 5
LEAST, MOST, FIRST = 50, 80, 60
TARGET = 0.6


class Policy:
    def __init__(self, fleet):
        self.fleet, self.n = fleet, fleet.instances

    def waits(self, now, tokens):
        """Return how long the prompts of each machine and this one take, ms."""
        return (now.queued_tokens + tokens) * self.fleet.prefill_ms_per_token * (100 / now.share.clip(1)) ** 0.9

    def steps(self, now):
        """Return how long a decode step of each machine takes, ms."""
        fleet = self.fleet
        kv = now.kv_used_tokens + now.incoming_tokens
        ms = fleet.decode_ms + fleet.decode_ms_per_request * now.running_requests + fleet.decode_ms_per_kv_token * kv
        return ms / (2.2 * (1 - now.share.clip(0, 90) / 100)).clip(0, 1)

    def dispatch(self, obs):
        now = obs.instances
        ratio = self.waits(now, obs.input_tokens) / (1000 * obs.ttft_slo_s) + self.steps(now) / TPOT_SLO_MS
        return int((ratio + 1e6 * (now.state > 0)).argmin())

    def assign(self, obs):
        return int((self.steps(obs.instances) + 1e6 * (obs.instances.state > 0)).argmin())

    def control(self, obs):
        now = obs.instances
        if obs.now_s == 0:
            return [[i, 2, 0, FIRST] for i in range(self.n)]
        first, later = self.waits(now, 0) / TTFT_SLO_MS, self.steps(now) / TPOT_SLO_MS
        rows = []
        for i, share in enumerate(now.share.tolist()):
            if later[i] > max(first[i], 1.0) and share > LEAST:
                rows.append([i, 2, 0, share - STEP])
            elif first[i] > max(later[i], TARGET) and share < MOST:
                rows.append([i, 2, 0, share + STEP])
        return rows
