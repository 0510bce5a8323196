"""Where each expert of a layer is computed, with how many bits, and what is loaded ahead or put out of the GPU."""

# EVOLVE-BLOCK-START
# Now everything missing comes on demand at four bits, and the least recently used makes room.
CPU = 0.0  # a missing expert is left to the CPU if that takes less than CPU times as long as a load
FEW = 0.0  # missing experts get 2 bits if their share of the layer's gate is below this, as far as bits are to spare
FILL = 0  # how many that the CPU computed are then loaded, for the next token
NEXT = 0  # how many of the likely experts of the next layer are loaded ahead
AHEAD = 4  # with how many bits those are loaded


class BitPolicy:
    def __init__(self, model):
        self.model = model

    def layer(self, obs):
        model, held = self.model, obs.bits[obs.layer].tolist()
        total = sum(float(obs.gate[expert]) for expert in obs.active)
        share = {expert: float(obs.gate[expert]) / total for expert in obs.active}
        bits = {expert: held[expert] or 4 for expert in obs.active}
        spare = obs.spare_bits + sum(share[expert] * bits[expert] for expert in obs.active) - 3.5
        for expert in sorted(obs.active, key=share.get):
            if spare < 0 and bits[expert] < 4:  # what is there with 2 bits is loaded up
                bits[expert] = 4
                spare += 2 * share[expert]
            elif not held[expert] and share[expert] < FEW and 2 * share[expert] <= spare:
                bits[expert] = 2
                spare -= 2 * share[expert]
        device, left = [], []
        for expert, tokens in zip(obs.active, obs.tokens, strict=True):
            cpu_us = (model.cpu_base_us + model.cpu_token_us * tokens) * bits[expert] / 4
            load_us = model.load_us * (bits[expert] - held[expert]) / 4
            on_cpu = held[expert] < bits[expert] and cpu_us < CPU * (load_us + obs.link_free_us)
            device.append(int(on_cpu))
            if on_cpu:
                left.append((obs.layer, expert, 2 if AHEAD < 4 else 4))
        wanted = left[: max(0, int(FILL))]
        if NEXT >= 1 and obs.layer + 1 < model.layers:
            told, there = obs.ahead[0], obs.bits[obs.layer + 1]
            likely = sorted(range(model.experts), key=lambda expert: -told[expert])[: int(NEXT)]
            wanted = [(obs.layer + 1, e, 2 if AHEAD < 4 else 4) for e in likely if not there[e]] + wanted
        return {"device": device, "bits": [bits[expert] for expert in obs.active], "prefetch": wanted[:8]}


# EVOLVE-BLOCK-END
