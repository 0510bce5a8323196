"""Family d2moe: every expert on the GPU with 4 bits, loaded when it is needed; the least recently used one goes.

The naive baseline of the family: it scores 0. Source: Eliseev & Mazur 2023 (mixtral-offloading).
"""


class BitPolicy:
    def __init__(self, model):
        pass

    def layer(self, obs):
        return {"device": [0] * len(obs.active), "bits": [4] * len(obs.active)}
