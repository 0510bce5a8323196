"""Where each expert of a layer is computed, and what is loaded ahead or put out of the GPU."""

# EVOLVE-BLOCK-START
# Now everything missing is loaded on demand, and the least recently used makes room.
CPU = 0.0  # a missing expert is left to the CPU if that takes less than CPU times as long as a load
FILL = 0  # how many that the CPU computed are then loaded, for the next token
NEXT = 0  # how many of the likely experts of the next layer are loaded ahead
LIKELY = 0.1  # how likely they must be at least, by the gate told ahead


class Policy:
    def __init__(self, model):
        self.model = model

    def layer(self, obs):
        model, here = self.model, obs.cached[obs.layer]
        device, left = [], []
        for expert, tokens in zip(obs.active, obs.tokens, strict=True):
            cpu_us = model.cpu_base_us + model.cpu_token_us * tokens
            on_cpu = not here[expert] and cpu_us < CPU * (model.load_us + obs.link_free_us)
            device.append(int(on_cpu))
            if on_cpu:
                left.append((obs.layer, expert))
        wanted = left[: max(0, int(FILL))]
        if NEXT >= 1 and obs.layer + 1 < model.layers:
            told, there = obs.ahead[0], obs.cached[obs.layer + 1]
            likely = sorted(range(model.experts), key=lambda expert: -told[expert])[: int(NEXT)]
            wanted = [(obs.layer + 1, e) for e in likely if told[e] >= LIKELY and not there[e]] + wanted
        return {"device": device, "prefetch": wanted[:8]}


# EVOLVE-BLOCK-END
