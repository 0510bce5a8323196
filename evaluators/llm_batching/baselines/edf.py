"""The prompt whose first token (or whole answer, of requests with a deadline) is due first: earliest deadline first."""

import numpy as np

BUDGET = 1024
WATERMARK = 0.01


class Policy:
    def __init__(self, engine):
        self.engine = engine

    def rank(self, requests, now_s):
        """Which prompts are computed first: those of the least rank."""
        first_due = requests.arrival_s + requests.ttft_slo_s
        return np.where(np.isfinite(first_due), first_due, requests.deadline_s)

    def schedule(self, obs):
        running, waiting = obs.running, obs.waiting
        decodes = int((running.prefill_left == 0).sum())
        budget, batch = max(1, BUDGET - decodes), len(running.id)
        free = obs.kv_free_tokens - int(running.prefill_left.sum()) - decodes
        free -= WATERMARK * self.engine.kv_capacity_tokens
        plan = []
        ids = np.concatenate([running.id, waiting.id])
        left = np.concatenate([running.prefill_left, waiting.prefill_left])
        # What is begun goes first: many half-computed prompts would fill the memory.
        rank = np.concatenate([self.rank(running, obs.now_s) - 1e9, self.rank(waiting, obs.now_s)])
        for row in np.argsort(rank, kind="stable"):
            if not left[row]:
                continue
            if row >= len(running.id):
                if batch and (left[row] > free or batch == self.engine.max_batch):
                    break
                free, batch = free - left[row], batch + 1
            tokens = int(min(budget, left[row]))
            plan.append((int(ids[row]), tokens))
            budget -= tokens
            if not budget:
                break
        return {"prefill": plan}
