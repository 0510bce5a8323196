"""Family d2moe: 4 bits for all; the split between CPU and GPU that ends first; the idle link loads what the CPU had.

Source: kTransformers and HybriMoE 2025 (DAC) for the split; bits are left as they are.
"""


class BitPolicy:
    def __init__(self, model):
        self.model = model

    def layer(self, obs):
        model, held = self.model, obs.bits[obs.layer].tolist()
        missing = sorted((n, e) for e, n in zip(obs.active, obs.tokens, strict=False) if held[e] < 4)
        there = sum(model.gpu_us * max(64, n) // 64 for e, n in zip(obs.active, obs.tokens, strict=False) if held[e])
        best = (float("inf"), 0)
        for count in range(len(missing) + 1):
            end, arrived = there, obs.link_free_us
            for n, _ in reversed(missing[count:]):
                arrived += model.load_us
                end = max(end, arrived) + model.gpu_us * max(64, n) // 64
            cpu = sum(model.cpu_base_us + model.cpu_token_us * n for n, _ in missing[:count])
            best = min(best, (max(end, cpu), count))
        on_cpu = [e for _, e in missing[: best[1]]]
        return {
            "device": [int(e in on_cpu) for e in obs.active],
            "bits": [4] * len(obs.active),
            "load_order": [e for _, e in reversed(missing[best[1] :])],
            "prefetch": [(obs.layer, e, 4) for e in reversed(on_cpu)][:8],
        }
