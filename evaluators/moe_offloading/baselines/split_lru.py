"""The split between CPU and GPU that ends first; the idle link then loads what the CPU computed; LRU goes.

Source: kTransformers and HybriMoE 2025 (DAC) for the split; background loads keep the cache warm.
"""


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

    def layer(self, obs):
        on_cpu, load = split(self.model, obs, obs.cached[obs.layer].tolist())
        fill = [(obs.layer, e) for e in reversed(on_cpu)][:8]
        return {"device": [int(e in on_cpu) for e in obs.active], "load_order": load, "prefetch": fill}
