"""Rate, batch and mix, each a formula of what is known before a step."""

# EVOLVE-BLOCK-START
# Now the same step size from beginning to end, sixteen samples each, sources taken as large as they come.
PEAK = 0.25  # the highest rate, in hints
DECAY = 0.0  # power of what is left of the budget
WARM_UP = 0.0  # share of the budget over which the rate rises
NORM = 0.0  # power of the norm of the gradient, against the first one
BATCH = 16.0
GROWTH = 0.0  # by how many doublings the batch grows over the budget
SIZE = 1.0  # powers of what is known of a source: how large it is
WANTED = 0.0  # how much of the test data is from it
LOSS = 0.0  # how high its loss is
LATE = 0.0  # and how the power of its loss changes over the budget


class Policy:
    def __init__(self, info):
        self.info = info
        self.first_norm = 0.0

    def step(self, obs):
        info = self.info
        left = obs.samples_left / info.budget
        used = 1.0 - left
        rate = PEAK * left**DECAY
        if used < WARM_UP:
            rate *= max(0.01, used / WARM_UP)
        if obs.grad_norm > 0:
            self.first_norm = self.first_norm or obs.grad_norm
            rate *= (obs.grad_norm / self.first_norm) ** NORM
        wanted = BATCH * 2 ** (GROWTH * used)
        batch = min((8, 16, 32, 64, 128), key=lambda size: abs(size - wanted))
        mix = [
            (size / info.budget) ** SIZE * (weight + 0.001) ** WANTED * (loss + 0.001) ** (LOSS + LATE * used)
            for size, weight, loss in zip(info.size, info.test_weight, obs.source_loss, strict=True)
        ]
        return max(1e-6, rate) * info.lr_hint, batch, [weight / max(mix) for weight in mix]


# EVOLVE-BLOCK-END
