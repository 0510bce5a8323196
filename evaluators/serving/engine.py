"""The engines of a cluster on one clock: a heap of the moments at which their batches may change.

Why not a simpy process per engine: each arrival interrupts a run of decode iterations, and simpy does 344 k time-outs a
second but only 69 k pairs of a time-out and its interrupt. Here an entry of the heap that was overtaken is known by its
version and skipped. What is rare and a process by nature (arrivals at the gateway, reports, slow and replaced machines,
control once a second) belongs in simpy processes that call `advance(now)` first: one clock, and simpy drives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from evaluators.serving.cache import CacheIndex
from evaluators.serving.cost import CostModel
from evaluators.serving.job import Job, State
from evaluators.serving.replica import IDLE, Replica

ARRIVES = -1
"""Stands for a version in the entry of a request that arrives from another replica."""


class Engine:
    """Replicas, the index of their prefix caches, and the clock.

    index: of the caches of `replicas`.  kv_bytes_per_token and link_bytes_per_s: what moving a running request costs.
    Times are integer ns from the start. `advance(now_ns)` must come before any other call at that moment: what ends
    exactly then has ended, and the next iterations have begun.

    Attributes:
        now_ns: the clock.  finished: requests that are complete and have not been fetched with `fetch_finished`.
    """

    def __init__(
        self, replicas: Sequence[Replica], index: CacheIndex, kv_bytes_per_token: int, link_bytes_per_s: int
    ) -> None:
        self.replicas, self.index = replicas, index
        self.now_ns = 0
        self.finished: list[Job] = []
        self._kv_bytes_per_token, self._link_bytes_per_s = kv_bytes_per_token, link_bytes_per_s
        self._versions = [0] * len(replicas)
        self._heap: list[tuple[int, int, int, int, Job | None]] = []
        self._entries = 0

    def advance(self, until_ns: int) -> None:
        """Let time pass."""
        heap, versions, replicas = self._heap, self._versions, self.replicas
        while heap and heap[0][0] <= until_ns:
            now_ns, _, number, version, job = heappop(heap)
            if version != versions[number]:
                if version == ARRIVES:
                    assert job is not None
                    self.now_ns = now_ns
                    self.submit(job, number)
                continue
            self.now_ns = now_ns
            replica = replicas[number]
            self.finished += replica.end(now_ns)
            if replica.leaving:
                self._send_off(replica)
            replica.begin(now_ns)
            if replica.ends_ns != IDLE:
                versions[number] = version = version + 1
                self._entries = entry = self._entries + 1
                heappush(heap, (replica.ends_ns, entry, number, version, None))
        self.now_ns = until_ns

    def drain(self) -> None:
        """Let time pass until no request is left."""
        while self._heap:
            self.advance(self._heap[0][0])

    def fetch_finished(self) -> list[Job]:
        """Return what was completed since the last call, in the order of completion."""
        finished, self.finished = self.finished, []
        return finished

    def submit(self, job: Job, number: int) -> None:
        """Put a request into a replica's queue, now."""
        replica = self.replicas[number]
        replica.enqueue(job, number)
        self._disturb(number)

    def move(self, job: Job, to: int) -> None:
        """Move a request to another replica. Nothing happens when it is there, is complete or is being moved.

        A queued one is there at once. A running one leaves when the iteration in progress ends, then makes no progress
        for the time that its KV takes over the link, and waits for room there at the end of the queue.
        """
        if job.replica == to:
            return
        replica, number = self.replicas[job.replica], job.replica
        if job.state is State.QUEUED:
            replica.withdraw(job)
            self._disturb(number)  # the next in the queue may fit
            job.moves += 1
            if job.resident:
                self._transfer(job, job.computed_tokens, to)
            else:
                self.submit(job, to)
        elif job.state is State.RUNNING and job not in replica.leaving:
            replica.leaving[job] = to
            self._disturb(number)

    def set_cost(self, number: int, cost: CostModel) -> None:
        """Make a replica slower or faster, from its next iteration on."""
        self.replicas[number].cost = cost
        self._disturb(number)

    def replace(self, number: int) -> None:
        """Put an empty machine in a replica's place, now; its requests start again there."""
        self.replicas[number].replace(self.now_ns)
        self._versions[number] += 1
        self._disturb(number)

    def _disturb(self, number: int) -> None:
        """Let a replica decide anew as soon as the iteration in progress has ended; at once when it is idle."""
        replica = self.replicas[number]
        if replica.ends_ns == IDLE:
            replica.begin(self.now_ns)
            if replica.ends_ns == IDLE:
                return
        elif not replica.cut(self.now_ns):
            return
        self._versions[number] += 1
        self._entries += 1
        heappush(self._heap, (replica.ends_ns, self._entries, number, self._versions[number], None))

    def _send_off(self, replica: Replica) -> None:
        for job, kv_tokens in replica.depart():
            job.moves += 1
            self._transfer(job, kv_tokens, replica.leaving[job])
        replica.leaving.clear()

    def _transfer(self, job: Job, kv_tokens: int, to: int) -> None:
        job.state = State.MOVING
        transfer_ns = -(-kv_tokens * self._kv_bytes_per_token * 1_000_000_000 // self._link_bytes_per_s)
        self._entries += 1
        heappush(self._heap, (self.now_ns + transfer_ns, self._entries, to, ARRIVES, job))
