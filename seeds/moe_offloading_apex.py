"""Which sequences' attention the CPU computes, where each expert of a layer is computed, and what is loaded ahead."""

# EVOLVE-BLOCK-START
# Now all attention is the GPU's; experts are split so that CPU and link end together, least recently used out.
SHARE = 0.0  # of the sequences, the longest first, whose attention is the CPU's
FILL = 8  # how many that the CPU computed are then loaded, for the next token
NEXT = 0  # how many of the likely experts of the next layer are loaded ahead


class AttentionPolicy:
    def __init__(self, model):
        self.model = model

    def place(self, batch):
        count = min(batch.sequences, max(0, round(SHARE * batch.sequences)))
        longest = sorted(range(batch.sequences), key=lambda k: -batch.kv_tokens[k])[:count]
        return [int(there or k in longest) for k, there in enumerate(batch.on_cpu)]

    def layer(self, obs):
        on_cpu, load = self.split(obs)
        wanted = [(obs.layer, e) for e in reversed(on_cpu)][: max(0, int(FILL))]
        if NEXT >= 1 and obs.layer + 1 < self.model.layers:
            told, there = obs.ahead[0], obs.cached[obs.layer + 1]
            likely = sorted(range(self.model.experts), key=lambda expert: -told[expert])[: int(NEXT)]
            wanted = [(obs.layer + 1, e) for e in likely if not there[e]] + wanted
        return {"device": [int(e in on_cpu) for e in obs.active], "load_order": load, "prefetch": wanted[:8]}

    def split(self, obs):
        """Return (experts for the CPU, those to be loaded, most tokens first): the split that ends first."""
        model, cached = self.model, obs.cached[obs.layer].tolist()
        needed = list(zip(obs.tokens, obs.active, strict=True))
        missing = sorted((n, e) for n, e in needed if not cached[e])
        there = sum(model.gpu_us * max(64, n) // 64 for n, e in needed if cached[e])
        best, cpu = (float("inf"), 0), obs.cpu_ahead_us
        for count in range(len(missing) + 1):
            end, arrived = there, obs.link_free_us
            for n, _ in reversed(missing[count:]):
                arrived += model.load_us
                end = max(end, arrived) + model.gpu_us * max(64, n) // 64
            best = min(best, (max(end, cpu), count))
            if count < len(missing):
                cpu += model.cpu_base_us + model.cpu_token_us * missing[count][0]
        return [e for _, e in missing[: best[1]]], [e for _, e in reversed(missing[best[1] :])]


# EVOLVE-BLOCK-END
