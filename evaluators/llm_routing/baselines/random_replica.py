"""Send every request to a replica drawn at random.

Source: the weakest router of Qin et al., "Mooncake", FAST 2025, figure 5 (there: random scheduling).
"""

import random


class Policy:
    def __init__(self, cluster):
        self.replicas = cluster.replicas
        self.rng = random.Random(0)

    def route(self, obs):
        return self.rng.randrange(self.replicas)
