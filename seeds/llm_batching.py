"""A policy that is asked, whenever something has changed, what the next iteration computes."""

import numpy as np

# EVOLVE-BLOCK-START
# First come, first served, whole prompts, room reserved for the longest answer that the service allows.
BUDGET = 2048  # prompt tokens of an iteration
RESERVED = 1.0  # which share of the longest answer is reserved for each request
ARRIVAL = 1.0  # how much it counts when a request came, s
WORK = 0.0  # how much it counts how many prompt tokens are to be computed
ANSWER = 0.0  # how much it counts how long the answer is predicted to be, tokens
DUE = 0.0  # how much it counts in how many seconds the first token is due (or the last, of those with a deadline)


def rank(requests, now_s):
    """Those with the least rank are admitted first: (rows,) float64."""
    due_s = np.minimum(requests.arrival_s + requests.ttft_slo_s, requests.deadline_s) - now_s
    answer = np.nan_to_num(requests.out_p50, nan=200.0)
    return ARRIVAL * requests.arrival_s + WORK * requests.prefill_left + ANSWER * answer + DUE * due_s


class Policy:
    def __init__(self, engine):
        self.engine = engine
        self.reserved = int(RESERVED * engine.max_answer_tokens)

    def schedule(self, obs):
        """Return what the next iteration computes."""
        running, waiting = obs.running, obs.waiting
        taken = int(np.maximum(running.kv_tokens, running.prompt_tokens + self.reserved).sum())
        plan = [(int(i), int(left)) for i, left in zip(running.id, running.prefill_left, strict=True) if left]
        budget = BUDGET - sum(tokens for _, tokens in plan)
        batch = len(running.id)
        for row in np.argsort(rank(waiting, obs.now_s), kind="stable"):
            tokens = int(waiting.prefill_left[row])
            need = tokens + self.reserved
            if batch and (taken + need > self.engine.kv_capacity_tokens or batch == self.engine.max_batch):
                break
            if plan and tokens > budget:
                break
            plan.append((int(waiting.id[row]), tokens))
            taken, budget, batch = taken + need, budget - tokens, batch + 1
        return {"prefill": plan, "preempt": [], "pause": []}


# EVOLVE-BLOCK-END
