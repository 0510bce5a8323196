"""HybriMoE: split between CPU and GPU, prefetching of what the next layers will probably need, and the MRS cache.

MRS: the score of an expert is half of what it was, plus half of the present gate where that is among the top 2 k; the
lowest goes. Source: Zhong 2025 (HybriMoE, DAC).
"""

import numpy as np


def split(model, obs, cached):
    """Return (experts for the CPU, those to be loaded, largest first): the split that ends first.

    The most loaded with tokens go to the GPU; how many is tried out.
    """
    missing = sorted((n, e) for e, n in zip(obs.active, obs.tokens, strict=False) if not cached[e])
    gpu = [model.gpu_us * max(64, n) // 64 for n, _ in missing]
    cpu = [model.cpu_base_us + model.cpu_token_us * n for n, _ in missing]
    there = sum(model.gpu_us * max(64, n) // 64 for e, n in zip(obs.active, obs.tokens, strict=False) if cached[e])
    best = (float("inf"), 0)
    for count in range(len(missing) + 1):
        end, arrived = there, obs.link_free_us
        for took in reversed(gpu[count:]):
            arrived += model.load_us
            end = max(end, arrived) + took
        best = min(best, (max(end, sum(cpu[:count])), count))
    count = best[1]
    return [e for _, e in missing[:count]], [e for _, e in reversed(missing[count:])]


class Policy:
    def __init__(self, model):
        self.model = model
        self.score = np.array(model.popularity, dtype=float) / model.top_k

    def layer(self, obs):
        model, layer = self.model, obs.layer
        row = self.score[layer]
        row *= 0.5
        top = np.argpartition(obs.gate, -min(2 * model.top_k, model.experts))[-2 * model.top_k :]
        row[top] += 0.5 * obs.gate[top]
        on_cpu, load = split(model, obs, obs.cached[layer].tolist())
        fill = []
        if layer + 1 < model.layers:
            told = obs.ahead[0]
            likely = np.argpartition(told, -model.top_k)[-model.top_k :]
            here = obs.cached[layer + 1]
            fill = [(layer + 1, e) for e in likely[np.argsort(-told[likely])].tolist() if not here[e]]
        fill = (fill + [(layer, e) for e in reversed(on_cpu)])[:8]
        answer = {"device": [int(e in on_cpu) for e in obs.active], "load_order": load, "prefetch": fill}
        if load or fill:
            value = np.where(obs.cached, self.score, np.inf)
            for key in fill:
                value[key] = np.inf
            value[layer, obs.active] = np.inf
            count = min(len(load) + len(fill) + 2, 64)
            first = np.argpartition(value, count, axis=None)[:count]
            order = first[np.argsort(value.flat[first], kind="stable")].tolist()
            answer["evict"] = [divmod(k, model.experts) for k in order]
        return answer
