"""One engine whose iterations hold what a plan says: which prompt chunks, and which of the requests decode.

What an iteration computes and how long it takes is as in `replica.py`; what differs is who decides. A chunk takes room
in the KV cache when its iteration begins, and so does the next token of each decode. Where that is more than there is,
KV that is held for nobody goes first, then the request of the latest arrival loses its KV (recomputation: Kwon 2023,
SOSP). A run of iterations that only decode is one step: nothing changes the batch before a finish, a full memory, the
most iterations of a run, or a call from outside, which cuts the run after the iteration in progress.

Counts per request are numpy arrays, so that a step costs the same for one request and for 256.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from evaluators.serving.cost import CostModel
from evaluators.serving.replica import IDLE
from evaluators.serving.stretch import iterations_past, stretch_ns

NOBODY = np.zeros(0, dtype=np.int64)


class PlannedEngine:
    """At most `number` requests on one engine, numbered as they come. Times are integer ns.

    cost: of an iteration.  most_iterations: of a run that only decodes.

    Attributes:
        came: how many requests have come.  input_tokens, output_tokens: (number,) lengths of those that have.
        generated: (number,) tokens that the user has seen.  kv: (number,) tokens of KV, on the GPU or beside it.
        left: (number,) prompt tokens to be computed before the next token; after a restart also generated ones.
        waiting: requests without KV.  running: with KV on the GPU, in the order in which they got it.
        swapped: with KV in the host's memory.  leaving, coming: with KV on its way to there and back.
        held: KV tokens kept of requests that are complete, by a name, the first to go first.
        kv_used: tokens in the GPU's KV cache: of running, leaving and coming ones, and those held.
        forced: requests that lost their KV for want of room, in order.  recomputed_tokens: KV that was lost.
        admitted_ns: (number,) when each was first computed; -1.  busy_ns: time in which it computed.
        began_ns, ends_ns: of the iterations in progress; IDLE when there are none.
    """

    def __init__(self, cost: CostModel, kv_capacity_tokens: int, number: int, most_iterations: int = 64) -> None:
        self.cost, self.kv_capacity_tokens, self.most_iterations = cost, kv_capacity_tokens, most_iterations
        self.came = 0
        self.input_tokens, self.output_tokens, self.generated, self.kv, self.left = np.zeros(
            (5, number), dtype=np.int64
        )
        self.admitted_ns = np.full(number, IDLE, dtype=np.int64)
        self.waiting: dict[int, None] = {}
        self.running: dict[int, None] = {}
        self.swapped: dict[int, None] = {}
        self.leaving: dict[int, None] = {}
        self.coming: dict[int, None] = {}
        self.held: dict[int, int] = {}
        self.kv_used = self.recomputed_tokens = self.busy_ns = self.iterations = 0
        self.forced: list[int] = []
        self.began_ns, self.ends_ns = 0, IDLE
        self._chunks: list[tuple[int, int]] = []
        self._decoding: dict[int, None] = {}  # prompt complete, KV on the GPU
        self._batch = NOBODY  # those of `_decoding` that decode now
        self._paused: frozenset[int] = frozenset()
        self._changed = False  # `_decoding` or the paused differ from what `_batch` was made of
        self._count = self._first_ns = self._growth_ns = 0  # of the iterations in progress
        self._stretches: list[tuple[int, int, int, int]] = []
        self._streaming: dict[int, int] = {}  # request -> iteration in which its unbroken row of tokens began
        self._rows: list[list[tuple[int, int]]] = [[] for _ in range(number)]  # those that were broken off

    def add(self, input_tokens: int, output_tokens: int, held: int | None = None) -> int:
        """Let a request in; its prompt begins with the KV held by that name, if any, which is now its own.

        Returns its number.
        """
        request, self.came = self.came, self.came + 1
        kv_tokens = 0 if held is None else self.held.pop(held, 0)
        self.input_tokens[request], self.output_tokens[request] = input_tokens, output_tokens
        self.kv[request], self.left[request] = kv_tokens, input_tokens - kv_tokens
        (self.running if kv_tokens else self.waiting)[request] = None
        return request

    def preempt(self, request: int) -> None:
        """Take a running request's KV away; the user keeps the tokens seen, and all must be computed again."""
        del self.running[request]
        self._stop(request)
        lost = int(self.kv[request])
        self.kv_used -= lost
        self.recomputed_tokens += lost
        self._forget(request)

    def leave(self, request: int) -> None:
        """Let a running request's KV begin its way to the host's memory; it takes room until `has_left`."""
        del self.running[request]
        self._stop(request)
        self.leaving[request] = None

    def has_left(self, request: int) -> None:
        """End the way of a request to the host's memory."""
        del self.leaving[request]
        self.kv_used -= int(self.kv[request])
        self.swapped[request] = None

    def come(self, request: int) -> None:
        """Let a swapped request's KV begin its way back; it takes room from now on."""
        del self.swapped[request]
        self.kv_used += int(self.kv[request])
        self.coming[request] = None

    def has_come(self, request: int) -> None:
        """End the way of a request back to the GPU."""
        del self.coming[request]
        self.running[request] = None
        if not self.left[request]:
            self._decoding[request] = None
            self._changed = True

    def hold(self, name: int, tokens: int) -> None:
        """Keep KV of a request that has just been completed."""
        self.held[name] = tokens
        self.kv_used += tokens

    def release(self, name: int) -> int:
        """Keep that KV no longer. Returns how much it was, tokens."""
        tokens = self.held.pop(name, 0)
        self.kv_used -= tokens
        return tokens

    def begin(self, now_ns: int, chunks: Sequence[tuple[int, int]], paused: Collection[int] = ()) -> None:
        """Begin what a plan says: (request, tokens) to be computed, and all decodes but the paused.

        Leaves `ends_ns` at IDLE when that is nothing.
        """
        if paused or self._paused:
            self._paused, self._changed = frozenset(paused), True
        wanted = sum(tokens for _, tokens in chunks)
        if self._changed:
            self._form_batch()
        if self.kv_used + wanted + len(self._batch) > self.kv_capacity_tokens:
            chunks = self._make_room(dict(chunks))
            wanted = sum(tokens for _, tokens in chunks)
        batch, cost = self._batch, self.cost
        decodes = len(batch)
        if not chunks and not decodes:
            return
        resident = int(self.kv[batch].sum()) if decodes else 0
        attention = 0
        self._count = self._growth_ns = 0
        if chunks:
            kv = self.kv
            for request, tokens in chunks:
                done = int(kv[request])
                attention += (done + tokens) ** 2 - done * done
                if not done:
                    del self.waiting[request]
                    self.running[request] = None
                if self.admitted_ns[request] == IDLE:
                    self.admitted_ns[request] = now_ns
            self._count = 1
        else:
            remaining = int((self.output_tokens[batch] - self.generated[batch]).min())
            room = (self.kv_capacity_tokens - self.kv_used) // decodes
            self._count = min(remaining, room, self.most_iterations)
            self._growth_ns = cost.kv_ns * decodes
        self._chunks = list(chunks)
        self._first_ns = cost.compute_ns(wanted, attention, decodes) + cost.kv_ns * resident
        self.began_ns = now_ns
        self.ends_ns = now_ns + stretch_ns(self._count, self._first_ns, self._growth_ns)

    def cut(self, now_ns: int) -> None:
        """End the run of decode iterations with the one in progress; one that ends just now is the last."""
        if self.ends_ns == IDLE or self._count <= 1:
            return
        count = iterations_past(max(now_ns - self.began_ns - 1, 0), self._first_ns, self._growth_ns)
        if count < self._count:
            self._count = count
            self.ends_ns = self.began_ns + stretch_ns(count, self._first_ns, self._growth_ns)

    def end(self) -> list[int]:
        """Take in what the iterations in progress have done. Returns the requests that are complete."""
        self.busy_ns += self.ends_ns - self.began_ns
        count, batch, done = self._count, self._batch, []
        self._stretches.append((self.began_ns, self._first_ns, self._growth_ns, count))
        if len(batch):
            self.generated[batch] += count
            self.kv[batch] += count
            self.kv_used += count * len(batch)
            done = batch[self.generated[batch] == self.output_tokens[batch]].tolist()
        self.iterations += count
        for request in done:
            self._stop(request)
        for request, tokens in self._chunks:
            self.kv[request] += tokens
            self.left[request] -= tokens
            self.kv_used += tokens
            if not self.left[request]:
                self.generated[request] += 1
                self._streaming[request] = self.iterations - 1
                if self.generated[request] == self.output_tokens[request]:
                    self._stop(request)
                    done.append(request)
                else:
                    self._decoding[request] = None
                    self._changed = True
        for request in done:
            del self.running[request]
            self.kv_used -= int(self.kv[request])
        self._chunks, self.ends_ns = [], IDLE
        return sorted(done)

    def token_times(self) -> list[np.ndarray]:
        """Return for each request that came when its tokens came out, (generated,) int64, ns."""
        parts = [NOBODY]
        for began_ns, first_ns, growth_ns, count in self._stretches:
            k = np.arange(1, count + 1, dtype=np.int64)
            parts.append(began_ns + k * first_ns + growth_ns * (k * (k - 1) // 2))
        ends_ns = np.concatenate(parts)
        found = []
        for request, rows in enumerate(self._rows[: self.came]):
            began = self._streaming.get(request)
            whole = rows if began is None else [*rows, (began, self.iterations)]
            found.append(np.concatenate([ends_ns[first:end] for first, end in whole]) if whole else NOBODY)
        return found

    def _form_batch(self) -> None:
        """Work out who decodes, and where rows of tokens begin and end."""
        paused, streaming = self._paused, self._streaming
        self._batch = np.array([r for r in self._decoding if r not in paused], dtype=np.int64)
        for request in paused:
            self._end_row(request)
        for request in self._batch.tolist():
            if request not in streaming:
                streaming[request] = self.iterations
        self._changed = False

    def _make_room(self, chunks: dict[int, int]) -> list[tuple[int, int]]:
        """Take KV away until what is planned fits. Returns the chunks that are still to be computed."""
        while self.kv_used + sum(chunks.values()) + len(self._batch) > self.kv_capacity_tokens:
            if self.held:
                self.release(next(iter(self.held)))
                continue
            last = max({**self.running, **chunks}, default=None)
            if last is None:  # all room is taken by KV on its way
                break
            chunks.pop(last, None)
            if last in self.running:
                self.forced.append(last)
                self.preempt(last)
                self._form_batch()
        return list(chunks.items())

    def _stop(self, request: int) -> None:
        if request in self._decoding:
            del self._decoding[request]
            self._changed = True
        self._end_row(request)

    def _end_row(self, request: int) -> None:
        began = self._streaming.pop(request, None)
        if began is not None:
            self._rows[request].append((began, self.iterations))

    def _forget(self, request: int) -> None:
        self.kv[request] = 0
        self.left[request] = self.input_tokens[request] + self.generated[request]
        self.waiting[request] = None
