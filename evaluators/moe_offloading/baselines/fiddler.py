"""The most popular experts stay on the GPU; of the others, each goes where it ends first alone: CPU, or load and GPU.

Source: Kamahori 2025 (Fiddler, ICLR), kTransformers.
"""


class Policy:
    def __init__(self, model):
        self.model = model

    def layer(self, obs):
        model, here = self.model, obs.cached[obs.layer]
        device = []
        for e, n in zip(obs.active, obs.tokens, strict=False):
            cpu = model.cpu_base_us + model.cpu_token_us * n
            device.append(int(not here[e] and cpu < model.load_us + model.gpu_us * max(64, n) // 64))
        return {"device": device}
