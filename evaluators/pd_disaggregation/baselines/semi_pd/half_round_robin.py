"""Half of the fleet for prefill, half for decode, each request to the next of them in turn: score 0.

Source: the default deployment of disaggregated serving (vLLM's and Mooncake's proxies hand requests out in turn).
"""


class Policy:
    def __init__(self, fleet):
        self.turn = [0, 0]

    def next_of(self, role, instances):
        able = [i for i, r in enumerate(instances.role.tolist()) if r == role]
        self.turn[role] += 1
        return able[self.turn[role] % len(able)]

    def dispatch(self, obs):
        return self.next_of(0, obs.instances)

    def assign(self, obs):
        return self.next_of(1, obs.instances)

    def control(self, obs):
        return []
