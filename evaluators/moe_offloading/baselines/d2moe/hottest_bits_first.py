"""Family d2moe: all on the GPU; experts with little of the gate get 2 bits, the hottest are loaded first.

As many get 2 bits as the mean of the request allows; the idle link loads the first bits of what the next layer will
probably need. No CPU. Source: Wang 2025 (D2MoE, MobiCom), hottest expert bit first.
"""

import numpy as np


class BitPolicy:
    def __init__(self, model):
        self.model = model

    def layer(self, obs):
        model, held = self.model, obs.bits[obs.layer].tolist()
        gate = obs.gate.tolist()
        total = sum(gate[e] for e in obs.active)
        bits = {e: max(4, held[e]) for e in obs.active}
        over = max(0.0, obs.spare_bits) + sum(gate[e] * b for e, b in bits.items()) / total - 3.5
        hottest = sorted(obs.active, key=lambda e: -gate[e])
        for e in reversed(hottest):
            least = max(2, held[e])
            lost = (bits[e] - least) * gate[e] / total
            if held[e] < 4 and lost <= over:
                bits[e] = least
                over -= lost
        answer = {"device": [0] * len(obs.active), "bits": [bits[e] for e in obs.active], "load_order": hottest}
        if obs.layer + 1 < model.layers:
            told, there = obs.ahead[0], obs.bits[obs.layer + 1]
            likely = np.argsort(-told, kind="stable")[: model.top_k].tolist()
            answer["prefetch"] = [(obs.layer + 1, e, 2) for e in likely if not there[e]]
        return answer
