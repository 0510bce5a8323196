"""Any operation. Whatever a rule is worth, it is worth more than this."""

import random


class Policy:
    def __init__(self, info):
        self.random = random.Random(0)

    def dispatch(self, obs):
        job = self.random.choice(sorted(set(obs.job)))
        return min((k for k, other in enumerate(obs.job) if other == job), key=lambda k: obs.duration[k])
