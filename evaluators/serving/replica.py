"""One engine: which work each iteration holds, and what is true when it has ended. It knows no clock but its own.

First come, first served. An iteration takes up to `chunk_tokens` prompt tokens from the head of the queue and one token
of every request that is being decoded (chunked prefill: Agrawal 2024, OSDI). A request is admitted when the KV cache
has room for its whole context and for one more token of each decode, its own included. When the decodes of the next
iteration would not fit, the request admitted last loses its KV and goes back to the head of the queue (recomputation:
Kwon 2023, SOSP). Prompt blocks found in the prefix cache are not computed (loading them overlaps with computing: Qin
2025, FAST, Mooncake); a prompt's blocks enter the cache when its last chunk is done.

A run of iterations that only decode is one step here: nothing can change the batch before the earliest of a finish, a
full memory, and a call from outside, which cuts the run after the iteration in progress (`cut`).
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from evaluators.serving.cache import BLOCK_TOKENS, PrefixCache
from evaluators.serving.cost import CHUNK_TOKENS, CostModel
from evaluators.serving.job import Job, State
from evaluators.serving.stretch import iterations_past, stretch_ns

IDLE = -1


class Replica:
    """State of one engine between iterations, and the iterations in progress.

    Attributes:
        queue: not admitted yet.  partial: admitted, prompt not yet complete.  running: all admitted, oldest first.
        queued_tokens: uncached prompt tokens to be computed, of queued requests (as far as known) and of the partial.
        decodes: how many are being decoded.  kv_tokens: tokens in the KV cache, those of prompts reserved at once.
        decode_kv_tokens: the share of `decodes`.
        began_ns, ends_ns: of the iterations in progress; `ends_ns` is IDLE when there are none.
        leaving: requests that go to another replica when the iteration in progress ends.
        busy_ns: time in which it computed.  preemptions: requests that lost their KV to a full memory.
    """

    __slots__ = (
        "_chunks",
        "_finishing",
        "_first_ns",
        "_growth_ns",
        "_iterations",
        "_steps",
        "began_ns",
        "busy_ns",
        "cache",
        "chunk_tokens",
        "cost",
        "decode_kv_tokens",
        "decodes",
        "ends_ns",
        "kv_capacity_tokens",
        "kv_tokens",
        "leaving",
        "partial",
        "preemptions",
        "queue",
        "queued_tokens",
        "running",
    )

    def __init__(
        self, cost: CostModel, kv_capacity_tokens: int, cache: PrefixCache, chunk_tokens: int = CHUNK_TOKENS
    ) -> None:
        self.cost, self.kv_capacity_tokens, self.cache, self.chunk_tokens = (
            cost,
            kv_capacity_tokens,
            cache,
            chunk_tokens,
        )
        self.queue: deque[Job] = deque()
        self.partial: Job | None = None
        self.running: dict[Job, None] = {}
        self.leaving: dict[Job, int] = {}
        self.queued_tokens = self.decodes = self.kv_tokens = self.decode_kv_tokens = 0
        self.busy_ns = self.preemptions = 0
        self.began_ns, self.ends_ns = 0, IDLE
        self._chunks: list[tuple[Job, int]] = []
        self._finishing: list[tuple[int, int, Job]] = []
        self._steps = 0  # decode iterations so far
        self._iterations = self._first_ns = self._growth_ns = 0  # of those in progress

    def begin(self, now_ns: int) -> None:
        """Decide what the next iterations hold, and when they end."""
        if self.kv_tokens + self.decodes > self.kv_capacity_tokens:
            self._preempt()
        tokens = attention = 0
        if self.partial is not None or self.queue:
            tokens, attention = self._admit(now_ns)
        decodes, cost = self.decodes, self.cost
        if tokens:
            self._iterations, self._growth_ns = 1, 0
            first_ns = cost.compute_ns(tokens, attention, decodes) + cost.kv_ns * self.decode_kv_tokens
            self.ends_ns = now_ns + first_ns
        elif decodes:
            finishing, running = self._finishing, self.running
            while True:
                step, _, job = finishing[0]
                if job.finish_step == step and job in running:
                    break
                heappop(finishing)
            count = step - self._steps
            room = (self.kv_capacity_tokens - self.kv_tokens) // decodes
            self._iterations = count = min(count, room)
            first_ns = cost.compute_ns(0, 0, decodes) + cost.kv_ns * self.decode_kv_tokens
            self._growth_ns = growth_ns = cost.kv_ns * decodes
            self.ends_ns = now_ns + stretch_ns(count, first_ns, growth_ns)
        else:
            self.ends_ns = IDLE
            return
        self.began_ns, self._first_ns = now_ns, first_ns

    def end(self, now_ns: int) -> list[Job]:
        """Take in what the iterations in progress, which end now, have done. Returns the requests that are complete."""
        self.busy_ns += now_ns - self.began_ns
        self.ends_ns = IDLE
        done = []
        if self.decodes:
            self._pass(self._iterations)
            finishing, running, steps = self._finishing, self.running, self._steps
            while finishing and finishing[0][0] <= steps:
                step, _, job = heappop(finishing)
                if job.finish_step == step and job in running:
                    self.decodes -= 1
                    self.decode_kv_tokens -= job.input_tokens + job.output_tokens - 1
                    self._finish(job, job.input_tokens + job.output_tokens - 1, now_ns)
                    done.append(job)
        if self._chunks:
            for job, tokens in self._chunks:
                job.computed_tokens += tokens
                self.queued_tokens -= tokens
                if job.computed_tokens == job.context_tokens:
                    self.cache.store(job.blocks)
                    job.generated_tokens += 1
                    if job.first_token_ns < 0:
                        job.first_token_ns = now_ns
                    if job.generated_tokens == job.output_tokens:
                        self._finish(job, job.context_tokens, now_ns)
                        done.append(job)
                    else:
                        self._decode(job)
            self._chunks = []
        return done

    def cut(self, now_ns: int) -> bool:
        """End the run of decode iterations with the one in progress. Returns whether that changes when it ends."""
        if self._iterations <= 1 or self.ends_ns == IDLE:
            return False
        count = iterations_past(now_ns - self.began_ns, self._first_ns, self._growth_ns)
        if count >= self._iterations:
            return False
        self._iterations = count
        self.ends_ns = self.began_ns + stretch_ns(count, self._first_ns, self._growth_ns)
        return True

    def kv_tokens_at(self, now_ns: int) -> int:
        """Return the tokens in the KV cache, counted up to the last iteration that has ended."""
        if self._iterations <= 1 or self.ends_ns == IDLE:
            return self.kv_tokens
        past = iterations_past(now_ns - self.began_ns, self._first_ns, self._growth_ns) - 1
        return self.kv_tokens + self.decodes * past

    def enqueue(self, job: Job, index: int) -> None:
        """Put a request at the end of the queue; `index` is this replica's number."""
        job.replica, job.state = index, State.QUEUED
        self._estimate(job)
        self.queue.append(job)

    def withdraw(self, job: Job) -> None:
        """Take a request out of the queue."""
        self.queue.remove(job)
        self.queued_tokens -= job.estimate_tokens

    def depart(self) -> list[tuple[Job, int]]:
        """Take the leaving requests out, with their KV. Returns (request, tokens of KV) of those still running."""
        departed = []
        for job in self.leaving:
            if job not in self.running:  # complete, or back in the queue for want of memory
                continue
            del self.running[job]
            if job is self.partial:
                self.partial = None
                self.queued_tokens -= job.context_tokens - job.computed_tokens
                self.kv_tokens -= job.context_tokens
            else:
                job.generated_tokens = job.output_tokens - (job.finish_step - self._steps)
                job.context_tokens = job.computed_tokens = job.input_tokens + job.generated_tokens - 1
                job.finish_step = -1
                self.decodes -= 1
                self.kv_tokens -= job.context_tokens
                self.decode_kv_tokens -= job.context_tokens
            job.resident, job.state = True, State.MOVING
            departed.append((job, job.computed_tokens))
        return departed

    def replace(self, now_ns: int) -> None:
        """Lose KV, prefix cache and the iteration in progress; all requests wait again, the admitted ones first."""
        if self.ends_ns != IDLE:
            self.busy_ns += now_ns - self.began_ns
            if self.decodes and self._iterations > 1:
                self._pass(iterations_past(now_ns - self.began_ns, self._first_ns, self._growth_ns) - 1)
        self.cache.clear()
        self.kv_tokens = self.decode_kv_tokens = self.decodes = self.queued_tokens = 0
        admitted = list(self.running)
        for job in admitted:
            self._recall(job)
        waiting = [*admitted, *self.queue]
        self.running.clear()
        self.leaving.clear()
        self.queue.clear()
        self._chunks, self._finishing, self.partial, self.ends_ns = [], [], None, IDLE
        for job in waiting:
            if job.resident:
                job.forget()
            self._estimate(job)
            self.queue.append(job)

    def _pass(self, iterations: int) -> None:
        grown = self.decodes * iterations
        self._steps += iterations
        self.kv_tokens += grown
        self.decode_kv_tokens += grown

    def _admit(self, now_ns: int) -> tuple[int, int]:
        """Fill an iteration with prompt tokens. Returns their number, and the sum of (p + n)^2 - p^2."""
        chunks, queue, budget = self._chunks, self.queue, self.chunk_tokens
        attention = 0
        job = self.partial
        while budget:
            if job is None:
                if not queue or self.kv_tokens + queue[0].context_tokens + self.decodes >= self.kv_capacity_tokens:
                    break
                job = queue.popleft()
                self._take(job, now_ns)
                if job.computed_tokens == job.context_tokens:  # came with all its KV
                    self._decode(job)
                    job = None
                    continue
            done = job.computed_tokens
            tokens = min(budget, job.context_tokens - done)
            budget -= tokens
            attention += (done + tokens) ** 2 - done * done
            chunks.append((job, tokens))
            self.partial = job if done + tokens < job.context_tokens else None
            job = None
        return self.chunk_tokens - budget, attention

    def _take(self, job: Job, now_ns: int) -> None:
        self.running[job] = None
        job.state = State.RUNNING
        if not job.resident:
            cached = min(self.cache.match(job.blocks) * BLOCK_TOKENS, job.input_tokens, job.context_tokens - 1)
            job.computed_tokens = cached
            if job.admitted_ns < 0:
                job.cached_tokens = cached
        if job.admitted_ns < 0:
            job.admitted_ns = now_ns
        job.resident = False
        self.kv_tokens += job.context_tokens
        self.queued_tokens += job.context_tokens - job.computed_tokens - job.estimate_tokens

    def _decode(self, job: Job) -> None:
        job.finish_step = self._steps + job.output_tokens - job.generated_tokens
        heappush(self._finishing, (job.finish_step, job.number, job))
        self.decodes += 1
        self.decode_kv_tokens += job.context_tokens

    def _finish(self, job: Job, kv_tokens: int, now_ns: int) -> None:
        del self.running[job]
        self.kv_tokens -= kv_tokens
        job.generated_tokens, job.finish_ns, job.state, job.finish_step = job.output_tokens, now_ns, State.DONE, -1

    def _preempt(self) -> None:
        """Send the requests admitted last back to the head of the queue until the others have room for a token each."""
        while self.kv_tokens + self.decodes > self.kv_capacity_tokens:
            job = next(reversed(self.running))
            del self.running[job]
            self.preemptions += 1
            if job is self.partial:
                self.partial = None
                self.queued_tokens -= job.context_tokens - job.computed_tokens
                self.kv_tokens -= job.context_tokens
            else:
                kv_tokens = job.input_tokens + job.output_tokens - (job.finish_step - self._steps) - 1
                self.decodes -= 1
                self.kv_tokens -= kv_tokens
                self.decode_kv_tokens -= kv_tokens
            self._recall(job)
            self._estimate(job)
            self.queue.appendleft(job)

    def _recall(self, job: Job) -> None:
        if job.finish_step >= 0:
            job.generated_tokens = job.output_tokens - (job.finish_step - self._steps)
        job.forget()

    def _estimate(self, job: Job) -> None:
        if job.resident:
            left = job.context_tokens - job.computed_tokens
        else:
            cached = min(self.cache.match(job.blocks) * BLOCK_TOKENS, job.input_tokens, job.context_tokens - 1)
            left = job.context_tokens - cached
        job.estimate_tokens = left
        self.queued_tokens += left
