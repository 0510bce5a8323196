"""One engine of a fleet in which prompts and answers may be computed apart: prefill, decode, or both together.

Prefill: whole prompts, first come first served, as many as have `chunk_tokens` together, a longer one alone; a prompt
that is complete leaves, its KV with it (Zhong 2024, OSDI, DistServe). Decode: only requests whose KV has come. Mixed:
as in `replica.py`, chunks of prompts together with decodes. In the last two, where the next tokens do not fit, the
request admitted last is taken out with its KV; the fleet says when it is back.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappush
from itertools import count

from evaluators.serving.cache import CacheIndex, PrefixCache
from evaluators.serving.cost import CHUNK_TOKENS, CostModel
from evaluators.serving.job import Job, State
from evaluators.serving.replica import IDLE, Replica

MIXED_CHUNK_TOKENS = 512
"""Prompt tokens of an iteration that also decodes (Agrawal 2024, OSDI: what a bound on pauses leaves room for)."""

NO_LIMIT = 1 << 62


class Role(IntEnum):
    """What an engine does."""

    PREFILL = 0
    DECODE = 1
    MIXED = 2


class PooledReplica(Replica):
    """State of one engine between iterations, and the iterations in progress; it keeps no prefix cache.

    Attributes:
        role: what it does; changed by `take_role` when it is empty.
        prefilled: requests whose prompt is complete and whose KV is to go elsewhere; the fleet takes them away.
        room_tokens: prompts of a batch must have less together; see `shared.py`, where the memory is not its own.
        swapped: requests taken out with their KV for want of room; the fleet takes them away.
        waiting_kv_tokens: KV of requests that have come with it and wait for room.
    """

    __slots__ = ("_admissions", "prefilled", "role", "room_tokens", "swapped", "waiting_kv_tokens")

    def __init__(self, cost: CostModel, kv_capacity_tokens: int, role: Role) -> None:
        super().__init__(cost, kv_capacity_tokens, PrefixCache(0, CacheIndex(1), 0))
        self.prefilled: list[Job] = []
        self.swapped: list[Job] = []
        self.waiting_kv_tokens = 0
        self.room_tokens = NO_LIMIT
        self._admissions = count()
        self.take_role(role)

    @property
    def prompts(self) -> list[Job]:
        """The requests of whose prompts the iteration in progress computes a part."""
        return [job for job, _ in self._chunks]

    def resume(self, now_ns: int) -> bool:
        """Begin, or end a run with the iteration in progress. Returns whether `ends_ns` is a new one."""
        if self.ends_ns != IDLE:
            return self.cut(now_ns)
        self.begin(now_ns)
        return self.ends_ns != IDLE

    def take_role(self, role: Role) -> None:
        """Do something else from now on; nothing is admitted now."""
        assert not self.running
        self.role = role
        self.chunk_tokens = MIXED_CHUNK_TOKENS if role is Role.MIXED else CHUNK_TOKENS

    def begin(self, now_ns: int) -> None:
        """Decide what the next iterations hold, and when they end."""
        if self.role is not Role.PREFILL:
            Replica.begin(self, now_ns)
            return
        queue, chunks, most, room = self.queue, self._chunks, self.chunk_tokens, self.room_tokens
        tokens = attention = 0
        while queue and (not tokens or tokens + queue[0].context_tokens <= most):
            if tokens + queue[0].context_tokens >= room:
                break
            job = queue.popleft()
            self._take(job, now_ns)
            context = job.context_tokens
            tokens += context
            attention += context * context
            chunks.append((job, context))
        if not tokens:
            self.ends_ns = IDLE
            return
        self._iterations, self._growth_ns = 1, 0
        self.began_ns, self._first_ns = now_ns, self.cost.compute_ns(tokens, attention, 0)
        self.ends_ns = now_ns + self._first_ns

    def enqueue(self, job: Job, index: int) -> None:
        """Put a request at the end of the queue; `index` is this engine's number."""
        if job.resident:
            self.waiting_kv_tokens += job.context_tokens
        Replica.enqueue(self, job, index)

    def clear_queue(self) -> list[Job]:
        """Take all requests out that are not admitted."""
        waiting = list(self.queue)
        self.queue.clear()
        self.queued_tokens -= sum(job.estimate_tokens for job in waiting)
        self.waiting_kv_tokens = 0
        return waiting

    def take_out_all(self) -> tuple[list[Job], Job | None]:
        """Take all admitted requests out between two iterations.

        Returns those that decode, with their KV, oldest first; and the one whose prompt is incomplete, which loses it.
        """
        partial, self.partial = self.partial, None
        if partial is not None:
            del self.running[partial]
            self._drop(partial)
        leaving = list(self.running)
        for job in leaving:
            del self.running[job]
            self._take_out(job)
        return leaving, partial

    def fail(self, now_ns: int) -> list[Job]:
        """Lose all KV and the iteration in progress. Returns all requests, those admitted first."""
        Replica.replace(self, now_ns)
        return self.clear_queue()

    def _take(self, job: Job, now_ns: int) -> None:
        if job.resident:
            self.waiting_kv_tokens -= job.context_tokens
        Replica._take(self, job, now_ns)

    def _decode(self, job: Job) -> None:
        if self.role is Role.PREFILL:
            del self.running[job]
            self.kv_tokens -= job.context_tokens
            job.resident, job.state = True, State.MOVING
            self.prefilled.append(job)
            return
        job.finish_step = self._steps + job.output_tokens - job.generated_tokens
        # Counted, not by the request's number: one that was taken out may come back while its old entry is there.
        heappush(self._finishing, (job.finish_step, next(self._admissions), job))
        self.decodes += 1
        self.decode_kv_tokens += job.context_tokens

    def _preempt(self) -> None:
        """Take the requests admitted last out until the others have room for a token each."""
        while self.kv_tokens + self.decodes > self.kv_capacity_tokens:
            job = next(reversed(self.running))
            del self.running[job]
            self.preemptions += 1
            if job is self.partial:
                self.partial = None
                self._drop(job)
                self._estimate(job)
                self.queue.appendleft(job)
            else:
                self._take_out(job)
                self.swapped.append(job)

    def _drop(self, job: Job) -> None:
        """Let a request whose prompt is incomplete lose what was computed."""
        self.queued_tokens -= job.context_tokens - job.computed_tokens
        self.kv_tokens -= job.context_tokens
        job.forget()

    def _take_out(self, job: Job) -> None:
        job.generated_tokens = job.output_tokens - (job.finish_step - self._steps)
        job.context_tokens = job.computed_tokens = job.input_tokens + job.generated_tokens - 1
        job.finish_step = -1
        self.decodes -= 1
        self.kv_tokens -= job.context_tokens
        self.decode_kv_tokens -= job.context_tokens
        job.resident, job.state = True, State.MOVING
