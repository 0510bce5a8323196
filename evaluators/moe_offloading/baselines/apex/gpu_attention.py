"""Family apex: the GPU computes all attention; experts are split between CPU and GPU so that both end together; LRU.

The naive baseline of the family: it scores 0. The idle link loads what the CPU computed. Source: attention as in vLLM
(Kwon 2023), experts as in kTransformers.
"""


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

    def place(self, batch):
        return [0] * batch.sequences

    def layer(self, obs):
        on_cpu, load = split(self.model, obs)
        fill = [(obs.layer, e) for e in reversed(on_cpu)][:8]
        return {"device": [int(e in on_cpu) for e in obs.active], "load_order": load, "prefetch": fill}
