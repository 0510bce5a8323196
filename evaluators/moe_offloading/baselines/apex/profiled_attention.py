"""Family apex: how many sequences' attention the CPU computes is predicted from the profile; the longest go first.

A layer's time is predicted for each number: which share of experts will be found with the room that is left, by
popularity, and the rest divided between CPU and link so that both end together. Experts as in gpu_attention.py, and
what the next layer will probably need is loaded ahead. Source: Fan 2025 (APEX), dispatch by predicted times.
"""

import numpy as np


def split(model, obs):
    """Return (experts for the CPU, those to be loaded, largest first): the split that ends first."""
    cached = obs.cached[obs.layer].tolist()
    missing = sorted((n, e) for e, n in zip(obs.active, obs.tokens, strict=False) if not cached[e])
    there = sum(model.gpu_us * max(64, n) // 64 for e, n in zip(obs.active, obs.tokens, strict=False) if cached[e])
    best = (float("inf"), 0)
    cpu = obs.cpu_ahead_us
    for count in range(len(missing) + 1):
        end, arrived = there, obs.link_free_us
        for n, _ in reversed(missing[count:]):
            arrived += model.load_us
            end = max(end, arrived) + model.gpu_us * max(64, n) // 64
        best = min(best, (max(end, cpu), count))
        if count < len(missing):
            cpu += model.cpu_base_us + model.cpu_token_us * missing[count][0]
    return [e for _, e in missing[: best[1]]], [e for _, e in reversed(missing[best[1] :])]


class AttentionPolicy:
    def __init__(self, model):
        self.model = model
        shares = np.sort(np.array(model.popularity, dtype=float), axis=None)[::-1]
        self.found = np.concatenate([[0.0], np.cumsum(shares)]) / shares.sum()
        self.count = 0

    def place(self, batch):
        order = sorted(range(batch.sequences), key=lambda k: (-batch.kv_tokens[k], k))
        if batch.first:
            self.count = min(
                range(batch.sequences + 1), key=lambda c: self.predicted(batch, [batch.kv_tokens[k] for k in order[:c]])
            )
        return [int(there or k in order[: self.count]) for k, there in enumerate(batch.on_cpu)]

    def predicted(self, batch, left):
        """Return how long a layer takes, us, when the CPU computes the attention of so many tokens."""
        model = self.model
        on_cpu = sum(left)
        on_gpu = sum(batch.kv_tokens) - on_cpu
        room = (model.room_kb - on_gpu * model.kv_bytes * model.layers // 1000) // model.expert_kb
        if room <= model.experts:
            return float("inf")
        share = self.found[min(room, len(self.found) - 1)]
        active = model.experts * (1 - (1 - model.top_k / model.experts) ** batch.sequences)
        missing = active * (1 - share)
        tokens = batch.sequences * model.top_k / active
        expert_us = model.cpu_base_us + model.cpu_token_us * tokens
        ahead = on_cpu * model.cpu_kv_ns / 1000
        # Loads that run before the layer are free: while attention and what is fixed take their time.
        before = model.fixed_us + on_gpu * model.gpu_kv_ns / 1000
        both = (missing + ahead / expert_us - before / model.load_us) / (1 / expert_us + 1 / model.load_us)
        return before + max(active * share * model.gpu_us, ahead, both)

    def layer(self, obs):
        model = self.model
        on_cpu, load = split(model, obs)
        fill = []
        if obs.layer + 1 < model.layers:
            told, there = obs.ahead[0], obs.cached[obs.layer + 1]
            count = max(model.top_k, len(obs.active) // 2)
            fill = [(obs.layer + 1, e) for e in np.argsort(-told, kind="stable")[:count].tolist() if not there[e]]
        fill = (fill + [(obs.layer, e) for e in reversed(on_cpu)])[:8]
        return {"device": [int(e in on_cpu) for e in obs.active], "load_order": load, "prefetch": fill}
