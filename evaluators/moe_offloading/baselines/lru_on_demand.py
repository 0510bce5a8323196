"""Every expert on the GPU: what is missing is loaded when it is needed, and the least recently used one goes.

The naive baseline: it scores 0. Source: Eliseev & Mazur 2023 (mixtral-offloading).
"""


class Policy:
    def __init__(self, model):
        pass

    def layer(self, obs):
        return {"device": [0] * len(obs.active)}
