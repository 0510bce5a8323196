"""A policy that says which instances prefill, which decode and which are shared, and where each request goes."""

# EVOLVE-BLOCK-START
# Half of the fleet for prompts and half for answers; of these the lowest cost. With nothing but the turn counting, it
# is round robin.
PREFILL_TURN = 1.0  # how much it counts how far an instance's turn is away for a prompt, 0 to 1
PREFILL_WORK = 0.0  # how much it counts how long the prompts take that wait there, and this one, s
PREFILL_STEP = 0.0  # how much it counts how long a decode step takes where the request would stay, s
DECODE_TURN = 1.0  # how much it counts how far a decode instance's turn is away, 0 to 1
DECODE_STEP = 0.0  # how much it counts how long its next step takes, s
NOT_READY = 0.0  # how much it counts that an instance drains or switches
PREFILL_SHARE = 0.5  # which share of the fleet begins with prefill alone
SHARED = 0.0  # which share of the others is shared
SHARE = 50  # percent of the SMs of a shared instance for prefill, at first
MOVE = 0  # percent that move every 5 s to the side that is late
LEAST, MOST = 50, 80  # between these


def bounded(share):
    """Return a share as a whole percent that is allowed."""
    return min(max(int(min(max(share, LEAST), MOST)), 10), 90)


class Policy:
    def __init__(self, fleet):
        self.fleet = fleet
        self.turn = [0, 0]

    def prefill_s(self, now, i, tokens):
        """Return how long the prompts of an instance and so many tokens more take, s."""
        share = max(int(now.share[i]), 1) / 100
        return (int(now.queued_tokens[i]) + tokens) * float(self.fleet.prefill_ms_per_token[i]) / 1000 / share**0.9

    def step_s(self, now, i):
        """Return how long the next decode step of an instance takes, s."""
        fleet = self.fleet
        kv = int(now.kv_used_tokens[i]) + int(now.incoming_tokens[i])
        step_ms = float(fleet.decode_ms[i]) + float(fleet.decode_ms_per_request[i]) * int(now.running_requests[i])
        step_ms = step_ms + float(fleet.decode_ms_per_kv_token[i]) * kv
        return step_ms / 1000 / min(1.0, 2.2 * (1 - min(int(now.share[i]), 90) / 100))

    def choose(self, kind, able, cost, turn_weight, now):
        """Return the instance of those able with the least cost, s; its turn is added."""
        self.turn[kind] += 1
        best, chosen = 1e18, able[0]
        for place, i in enumerate(able):
            away = (place - self.turn[kind]) % len(able) / len(able)
            total = cost[place] + turn_weight * away + NOT_READY * int(now.state[i] > 0)
            if total < best:
                best, chosen = total, i
        return chosen

    def dispatch(self, obs):
        """Return the instance that computes a prompt, or -1 to hold it."""
        now = obs.instances
        able = [i for i, role in enumerate(now.role.tolist()) if role != 1]
        cost = []
        for i in able:
            stays = self.step_s(now, i) if now.role[i] == 2 else 0.0
            cost.append(PREFILL_WORK * self.prefill_s(now, i, obs.input_tokens) + PREFILL_STEP * stays)
        return self.choose(0, able, cost, PREFILL_TURN, now)

    def assign(self, obs):
        """Return the instance that generates the later tokens of a request."""
        now = obs.instances
        able = [i for i, role in enumerate(now.role.tolist()) if role != 0]
        return self.choose(1, able, [DECODE_STEP * self.step_s(now, i) for i in able], DECODE_TURN, now)

    def control(self, obs):
        """Return changes, every 5 s: rows of instance, role, whether its requests are moved away, and share."""
        now, n = obs.instances, self.fleet.instances
        if obs.now_s == 0:
            first = min(max(int(n * PREFILL_SHARE), 0), n - 1)
            shared = round((n - first) * SHARED)
            if first == 0:
                shared = max(shared, 1)
            rows = []
            for i in range(n):
                if i < first:
                    rows.append([i, 0])
                elif i < first + shared:
                    rows.append([i, 2, 0, bounded(SHARE)])
                else:
                    rows.append([i, 1])
            return rows
        rows = []
        for i, role in enumerate(now.role.tolist()):
            if role == 2 and MOVE > 0:
                first_late = self.prefill_s(now, i, 0) / 1.0
                later_late = self.step_s(now, i) / 0.1
                share = int(now.share[i])
                share = share + MOVE if first_late > later_late else share - MOVE
                rows.append([i, 2, 0, bounded(share)])
        return rows


# EVOLVE-BLOCK-END
