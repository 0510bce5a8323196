"""First come, first served, whole prompts before any decode, at most 2,048 tokens at once (Kwon 2023, SOSP, vLLM).

While prompts are computed, no answer goes on. A request is admitted when its prompt leaves 1 % of the KV room free; a
full memory takes the youngest request's KV away, which the engine does by itself.
"""

BUDGET = 2048
WATERMARK = 0.01


class Policy:
    def __init__(self, engine):
        self.engine = engine

    def schedule(self, obs):
        running, waiting = obs.running, obs.waiting
        plan, budget, batch = [], BUDGET, len(running.id)
        free = obs.kv_free_tokens - WATERMARK * self.engine.kv_capacity_tokens
        for row in waiting.id.argsort():
            tokens = int(waiting.prefill_left[row])
            if batch and (tokens > free or batch == self.engine.max_batch):
                break
            if plan and tokens > budget:
                break
            plan.append((int(waiting.id[row]), tokens))
            free, budget, batch = free - tokens, budget - tokens, batch + 1
        return {"prefill": plan, "pause": [int(i) for i in running.id] if plan else []}
