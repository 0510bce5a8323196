"""Admits a request when the KV of all, at its highest in the future, is likely to fit (Gong 2025, ASPLOS, Past-Future).

How long answers will be is drawn from those of finished requests, given what has been generated. First come, first
served; chunks of prompts up to 1,024 tokens an iteration.
"""

import numpy as np

BUDGET = 1024
SHARE = 0.97
UNKNOWN = 256  # tokens of an answer before any is finished


class Policy:
    def __init__(self, engine):
        self.engine = engine
        self.room = SHARE * engine.kv_capacity_tokens
        self.rng = np.random.default_rng(1)

    def remaining(self, generated, history):
        """Draw how many tokens are still to come of answers of which so many are there."""
        if not len(history):
            return np.maximum(UNKNOWN - generated, 1)
        known = np.sort(history)
        first = np.searchsorted(known, generated, side="right")
        drawn = first + (self.rng.random(len(generated)) * (len(known) - first)).astype(int)
        longer = known[np.minimum(drawn, len(known) - 1)]
        return np.maximum(longer - generated, 1)

    def fits(self, held, remaining):
        """Whether the KV of requests that hold so much, and grow so long, fits at its highest."""
        order = np.argsort(-remaining)
        return (np.cumsum(held[order]) + remaining[order] * np.arange(1, len(order) + 1)).max() <= self.room

    def schedule(self, obs):
        running, waiting = obs.running, obs.waiting
        partial = running.prefill_left > 0
        budget = max(1, BUDGET - len(running.id) + int(partial.sum()))
        plan, batch = [], len(running.id)
        for row in partial.nonzero()[0]:
            tokens = min(budget, int(running.prefill_left[row]))
            if tokens:
                plan.append((int(running.id[row]), tokens))
            budget -= tokens
        if not budget or not len(waiting.id):
            return {"prefill": plan}
        held = running.kv_tokens + running.prefill_left
        remaining = self.remaining(running.generated_tokens, obs.history)
        for row in waiting.id.argsort():
            if not budget or batch == self.engine.max_batch:
                break
            left = int(waiting.prefill_left[row])
            held = np.append(held, left)
            remaining = np.append(remaining, self.remaining(waiting.generated_tokens[row : row + 1], obs.history))
            if batch and not self.fits(held, remaining):
                break
            tokens = min(budget, left)
            plan.append((int(waiting.id[row]), tokens))
            budget, batch = budget - tokens, batch + 1
        return {"prefill": plan}
