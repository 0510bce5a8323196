"""The least work left first (prompt and predicted answer), admitted as Past-Future does: for cases bound by memory.

Hopeless requests (with a deadline, or a next token, that cannot be met any more) come last.
"""

import numpy as np

BUDGET = 1024
STRICT_STEPS = 3  # where pauses must be short, a chunk takes so many times a decode step of one request alone
SHARE = 0.97
UNKNOWN = 256  # tokens of an answer before any is finished


class Policy:
    def __init__(self, engine):
        self.engine = engine
        self.room = SHARE * engine.kv_capacity_tokens
        self.rng = np.random.default_rng(1)
        self.budget = int(STRICT_STEPS * engine.step_ms / engine.token_ms) if engine.strict else BUDGET

    def rank(self, requests, obs):
        """Which prompts are computed first: those of the least rank."""
        engine = self.engine
        prefill_s = requests.prefill_left * engine.token_ms / 1000
        predicted = np.where(np.isnan(requests.out_p50), UNKNOWN, requests.out_p50)
        step_s = (engine.step_ms + engine.kv_token_ms * engine.kv_capacity_tokens / 2) / 1000
        answer_tokens = np.maximum(predicted - requests.generated_tokens, 1)
        # Of a stream, hopeless is when not even its last token can be in time.
        with np.errstate(invalid="ignore"):
            last_due = requests.arrival_s + requests.ttft_slo_s + predicted * requests.tpot_slo_s
        due = np.where(np.isfinite(requests.ttft_slo_s), last_due, requests.deadline_s)
        hopeless = due < obs.now_s + prefill_s + answer_tokens * step_s
        return requests.prefill_left + answer_tokens + np.where(hopeless, 1e6, 0)

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
        budget, batch = max(1, self.budget - int((running.prefill_left == 0).sum())), len(running.id)
        ids = np.concatenate([running.id, waiting.id])
        left = np.concatenate([running.prefill_left, waiting.prefill_left])
        if not left.any():
            return {}
        # What is begun goes first: many half-computed prompts would fill the memory.
        rank = np.concatenate([self.rank(running, obs) - 1e9, self.rank(waiting, obs)])
        held = running.kv_tokens + running.prefill_left
        remaining = self.remaining(running.generated_tokens, obs.history)
        plan = []
        for row in np.argsort(rank, kind="stable"):
            if not left[row]:
                continue
            if row >= len(running.id):
                if batch == self.engine.max_batch:
                    break
                place = row - len(running.id)
                held = np.append(held, left[row])
                drawn = self.remaining(waiting.generated_tokens[place : place + 1], obs.history)
                remaining = np.append(remaining, drawn)
                if batch and not self.fits(held, remaining):
                    break
                batch += 1
            tokens = int(min(budget, left[row]))
            plan.append((int(ids[row]), tokens))
            budget -= tokens
            if not budget:
                break
        return {"prefill": plan}
