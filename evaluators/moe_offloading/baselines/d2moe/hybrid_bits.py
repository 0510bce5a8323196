"""Family d2moe: the split of each layer that ends first, over how many missing experts get 2 bits; CPU and GPU.

Those with the least of the gate get 2 bits, as far as the mean of the request allows. The idle link loads what the next
layer will probably need, then what the CPU had, with 2 bits. The cache is HybriMoE's (MRS): half of the old score, half
of the gate; per bit that goes. Source: Zhong 2025 (HybriMoE, DAC) with the bits of Wang 2025 (D2MoE, MobiCom).
"""

import numpy as np

PRICE = 0.3  # of a mean bit of a layer, in loads of an expert


class BitPolicy:
    def __init__(self, model):
        self.model = model
        self.score = np.array(model.popularity, dtype=float) / model.top_k

    def layer(self, obs):
        model, layer = self.model, obs.layer
        row = self.score[layer]
        row *= 0.5
        top = np.argpartition(obs.gate, -min(2 * model.top_k, model.experts))[-2 * model.top_k :]
        row[top] += 0.5 * obs.gate[top]
        held = obs.bits[layer].tolist()
        found = self.split(obs, held, 2) or self.split(obs, held, 4)
        on_cpu, load, bits = found
        fill = []
        if layer + 1 < model.layers:
            told = obs.ahead[0]
            likely = np.argpartition(told, -model.top_k)[-model.top_k :]
            here = obs.bits[layer + 1].tolist()
            fill = [(layer + 1, e, 2) for e in likely[np.argsort(-told[likely])].tolist() if not here[e]]
        fill = (fill + [(layer, e, 2) for e in reversed(on_cpu)])[:8]
        answer = {"device": [int(e in on_cpu) for e in obs.active], "bits": bits, "load_order": load, "prefetch": fill}
        if load or fill:
            value = np.where(obs.bits > 0, self.score, np.inf)
            for one in fill:
                value[one[:2]] = np.inf
            value[layer, obs.active] = np.inf
            count = min(2 * (len(load) + len(fill)) + 2, 64)
            first = np.argpartition(value, count, axis=None)[:count]
            order = first[np.argsort(value.flat[first], kind="stable")].tolist()
            answer["evict"] = [divmod(k, model.experts) for k in order]
        return answer

    def split(self, obs, held, least):
        """Return (experts for the CPU, what is loaded, largest first, bits); nothing if the mean does not allow it."""
        model = self.model
        gate = [float(obs.gate[e]) for e in obs.active]
        total = sum(gate)
        tokens = dict(zip(obs.active, obs.tokens, strict=False))
        weight = {e: g / total for e, g in zip(obs.active, gate, strict=False)}
        gpu = {e: model.gpu_us * max(64, n) // 64 for e, n in tokens.items()}
        missing = sorted((e for e in obs.active if held[e] < least), key=lambda e: tokens[e])
        small = sorted(missing, key=lambda e: weight[e])
        there = sum(gpu[e] for e in obs.active if held[e] >= least)
        best = None
        for share in range(5 if missing else 1):
            bits = {e: held[e] if held[e] >= least else 4 for e in obs.active}
            for e in small[: (share * len(small) + 3) // 4]:
                bits[e] = max(2, held[e])
            mean = sum(weight[e] * b for e, b in bits.items())
            if obs.spare_bits + mean - 3.5 < 0:
                continue
            cpu = 0
            for count in range(len(missing) + 1):
                end, arrived = there, obs.link_free_us
                for e in reversed(missing[count:]):
                    arrived += model.load_us * (bits[e] - held[e]) // 4
                    end = max(end, arrived) + gpu[e]
                cost = max(end, cpu) - PRICE * model.load_us * mean
                if best is None or cost < best[0]:
                    best = (cost, count, bits)
                if cpu > end or count == len(missing):
                    break
                e = missing[count]
                cpu += (model.cpu_base_us + model.cpu_token_us * tokens[e]) * bits[e] // 4
        if best is None:
            return None
        _, count, bits = best
        return missing[:count], missing[count:][::-1], [bits[e] for e in obs.active]
