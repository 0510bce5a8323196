"""Every iteration decodes, and computes prompts, up to a budget of 512 tokens (Agrawal 2024, OSDI, Sarathi-Serve).

First come, first served; prompts are computed in chunks, so that no answer is held up for long.
"""

BUDGET = 512
WATERMARK = 0.01


class Policy:
    def __init__(self, engine):
        self.engine = engine

    def schedule(self, obs):
        running, waiting = obs.running, obs.waiting
        partial = running.prefill_left > 0
        decodes = len(running.id) - int(partial.sum())
        budget = max(1, BUDGET - decodes)
        free = obs.kv_free_tokens - int(running.prefill_left.sum()) - decodes
        free -= WATERMARK * self.engine.kv_capacity_tokens
        plan, batch = [], len(running.id)
        for row in partial.nonzero()[0]:
            tokens = min(budget, int(running.prefill_left[row]))
            if tokens:
                plan.append((int(running.id[row]), tokens))
            budget -= tokens
        for row in waiting.id.argsort():
            left = int(waiting.prefill_left[row])
            if not budget or (batch and (left > free or batch == self.engine.max_batch)):
                break
            tokens = min(budget, left)
            plan.append((int(waiting.id[row]), tokens))
            free, budget, batch = free - left, budget - tokens, batch + 1
        return {"prefill": plan}
