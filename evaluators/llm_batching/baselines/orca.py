"""First come, first served; each admitted request has room reserved for the longest answer (Yu 2022, OSDI, Orca)."""

BUDGET = 2048


class Policy:
    def __init__(self, engine):
        self.engine = engine

    def schedule(self, obs):
        running, waiting = obs.running, obs.waiting
        reserved = int((running.prompt_tokens + self.engine.max_answer_tokens).sum())
        plan = [(int(i), int(left)) for i, left in zip(running.id, running.prefill_left, strict=True) if left]
        budget = BUDGET - sum(tokens for _, tokens in plan)
        batch = len(running.id)
        for row in waiting.id.argsort():
            tokens = int(waiting.prefill_left[row])
            need = int(waiting.prompt_tokens[row]) + self.engine.max_answer_tokens
            # A request alone is always let in: nothing longer than the KV room is ever sent.
            if batch and (reserved + need > self.engine.kv_capacity_tokens or batch == self.engine.max_batch):
                break
            if plan and tokens > budget:
                break
            plan.append((int(waiting.id[row]), tokens))
            reserved, budget, batch = reserved + need, budget - tokens, batch + 1
        return {"prefill": plan}
