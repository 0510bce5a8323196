"""Every expert on the GPU, loaded on demand; the one that was needed least often goes.

Source: least frequently used, as in MoE-Infinity (Xue 2024), without its prefetching.
"""

import numpy as np


class Policy:
    def __init__(self, model):
        self.uses = np.zeros((model.layers, model.experts))
        self.experts = model.experts

    def layer(self, obs):
        self.uses[obs.layer, obs.active] += obs.tokens
        missing = sum(not obs.cached[obs.layer, e] for e in obs.active)
        if not missing:
            return {"device": [0] * len(obs.active)}
        value = np.where(obs.cached, self.uses, np.inf)
        value[obs.layer, obs.active] = np.inf
        count = min(64, missing + 2)
        first = np.argpartition(value, count, axis=None)[:count]
        order = first[np.argsort(value.flat[first], kind="stable")].tolist()
        return {"device": [0] * len(obs.active), "evict": [divmod(k, self.experts) for k in order]}
