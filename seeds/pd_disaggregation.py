"""A policy that says which instances prefill and which decode, and where each request goes."""

import numpy as np

# EVOLVE-BLOCK-START
# Half of the fleet for each; the instance of the lowest cost. With nothing but the turn counting, that is round robin.
PREFILL_TURN = 1.0  # how much it counts how far a prefill instance's turn is away, 0 to 1
PREFILL_WORK = 0.0  # how much it counts how long the prompts take that wait there, and this one, s
DECODE_TURN = 1.0  # how much it counts how far a decode instance's turn is away, 0 to 1
DECODE_STEP = 0.0  # how much it counts how long its next step takes, s
NOT_READY = 0.0  # how much it counts that an instance drains or switches
FIRST_SHARE = 0.5  # which share of the fleet begins with prefill
REACT = 0.0  # how many of the missing instances of a role change to it at once; 0: roles stay
BUSY = 0.7  # how busy prefill instances should be
BATCH = 80.0  # how many requests a decode instance should have
MARGIN = 1.0  # how many instances must be missing before any changes


def target(prefill_work, decoding, instances):
    """How many instances should prefill: prefill_work in busy instances, decoding in requests."""
    prefill = prefill_work / BUSY
    decode = decoding / BATCH
    return instances * prefill / max(prefill + decode, 0.01)


class Policy:
    def __init__(self, fleet):
        self.fleet = fleet
        self.turn = [0, 0]

    def choose(self, role, instances, cost, turn_weight):
        """Return the instance of a role with the least cost: (n,) float64, s; its turn is added."""
        able = np.nonzero(instances.role == role)[0]
        self.turn[role] += 1
        away = (np.arange(len(able)) - self.turn[role]) % len(able) / len(able)
        total = cost[able] + turn_weight * away + NOT_READY * (instances.state[able] > 0)
        return int(able[np.argmin(total)])

    def dispatch(self, obs):
        """Return the instance that computes a prompt, or -1 to hold it."""
        now = obs.instances
        work_s = (now.queued_tokens + obs.input_tokens) * self.fleet.prefill_ms_per_token / 1000
        return self.choose(0, now, PREFILL_WORK * work_s, PREFILL_TURN)

    def assign(self, obs):
        """Return the instance that generates the later tokens of a request."""
        now, fleet = obs.instances, self.fleet
        kv = now.kv_used_tokens + now.incoming_tokens
        step_ms = (
            fleet.decode_ms + fleet.decode_ms_per_request * now.running_requests + fleet.decode_ms_per_kv_token * kv
        )
        return self.choose(1, now, DECODE_STEP * step_ms / 1000, DECODE_TURN)

    def control(self, obs):
        """Return the changes of role, every 5 s: rows of instance, role, and 1 where its requests are moved away."""
        now, n = obs.instances, self.fleet.instances
        if obs.now_s == 0:
            first = min(max(int(n * FIRST_SHARE), 1), n - 1)
            return [[i, 0 if i < first else 1] for i in range(n)]
        seconds = min(obs.now_s, 60.0)
        prefill_work = obs.arrived_60s[:, 1].sum() / seconds * self.fleet.prefill_ms_per_token.mean() / 1000
        wanted = target(prefill_work, now.running_requests[now.role == 1].sum(), n)
        missing = min(max(wanted, 1), n - 1) - (now.role == 0).sum()
        number = int(min(2, REACT * abs(missing))) if abs(missing) >= MARGIN else 0
        if missing > 0:
            able = np.nonzero((now.role == 1) & (now.state == 0))[0]
            able = able[np.argsort(now.kv_used_tokens[able], kind="stable")]
            number = min(number, (now.role == 1).sum() - 1)
            return [[int(i), 0, 1] for i in able[:number]]
        able = np.nonzero((now.role == 0) & (now.state == 0))[0]
        able = able[np.argsort(now.queued_tokens[able], kind="stable")]
        number = min(number, (now.role == 0).sum() - 1)
        return [[int(i), 1, 0] for i in able[:number]]


# EVOLVE-BLOCK-END
