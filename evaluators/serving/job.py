"""A request on its way through the engines."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum


class State(Enum):
    """Where a request is. QUEUED: waits at its replica for room or its turn. MOVING: on its way between replicas."""

    NEW = "new"
    QUEUED = "queued"
    RUNNING = "running"
    MOVING = "moving"
    DONE = "done"


class Job:
    """One request and what has become of it. Times are integer ns, -1 while unknown.

    Attributes:
        number: its place in the order of arrival.
        input_tokens, output_tokens: lengths; the second is known to nobody but the simulator.
        blocks: names of its prompt's blocks, for the prefix caches.
        context_tokens: what must be in the KV cache before the next token: the prompt, and after a restart also
            what was generated before.
        computed_tokens: how much of that is there already.
        generated_tokens: tokens that the user has seen.
        resident: its KV came along from another replica, so that no cache is asked on admission.
        estimate_tokens: what it counts for in the queue's uncached tokens.
        finish_step: the decode iteration of its replica in which it ends; -1 unless it is being decoded.
        cached_tokens: tokens that the prefix cache saved when it was first admitted.
        restarts: how often it lost its KV, to a full memory or a replaced replica.
    """

    __slots__ = (
        "admitted_ns",
        "arrival_ns",
        "blocks",
        "cached_tokens",
        "computed_tokens",
        "context_tokens",
        "estimate_tokens",
        "finish_ns",
        "finish_step",
        "first_token_ns",
        "generated_tokens",
        "input_tokens",
        "moves",
        "number",
        "output_tokens",
        "replica",
        "resident",
        "restarts",
        "state",
    )

    def __init__(
        self, number: int, arrival_ns: int, input_tokens: int, output_tokens: int, blocks: Sequence[int]
    ) -> None:
        self.number, self.arrival_ns = number, arrival_ns
        self.input_tokens, self.output_tokens, self.blocks = input_tokens, output_tokens, blocks
        self.context_tokens = input_tokens
        self.computed_tokens = self.generated_tokens = self.estimate_tokens = self.cached_tokens = 0
        self.resident = False
        self.replica = self.finish_step = self.admitted_ns = self.first_token_ns = self.finish_ns = -1
        self.restarts = self.moves = 0
        self.state = State.NEW

    def forget(self) -> None:
        """Lose all KV: the prompt and what was generated must be computed again; the user keeps what was seen."""
        self.context_tokens = self.input_tokens + self.generated_tokens
        self.computed_tokens, self.resident, self.finish_step = 0, False, -1
        self.state = State.QUEUED
        self.restarts += 1

    @property
    def ttft_ns(self) -> int:
        """Time from arrival to the first token, ns."""
        return self.first_token_ns - self.arrival_ns

    @property
    def tpot_ns(self) -> float:
        """Mean time between two tokens after the first, ns; 0 for a single token."""
        later = self.output_tokens - 1
        return (self.finish_ns - self.first_token_ns) / later if later else 0.0
