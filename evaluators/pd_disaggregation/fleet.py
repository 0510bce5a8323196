"""A case: the machines of a fleet, what happens to them, and the requests that come."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from evaluators.serving import CHUNK_TOKENS, KV_BYTES_PER_TOKEN, MEASURED, Measured, Role
from evolve.evaluator import Instance

A100, H100 = "a100-llama-2-70b-tp8", "h100-llama-2-70b-tp8"
"""An instance is one machine with 8 GPUs that serves Llama-2-70B."""
KV_BYTES = KV_BYTES_PER_TOKEN["llama-2-70b"]
KV_CAPACITY_TOKENS = 450_000
"""Room on 8 GPUs of 40 GB: (0.9 * 320 GB - weights) / 320 KB."""
SECOND_NS = 1_000_000_000

TTFT_SLO_S, TTFT_SLO_TOKEN_S = 1.0, 0.0002
"""The first token is due 1 s after arrival, and 0.2 ms later for each token of the prompt."""
TPOT_SLO_S = 0.1

CHAT, CODE, LONG = 0, 1, 2
SCENARIOS = ("chat", "code", "long")
"""What a request is of: Azure's conversation trace, its code trace, or a prompt of 32 k tokens."""


Family = Literal["pools", "semi_pd"]
"""What role 2 is. pools: iterations hold chunks of prompts and decodes.  semi_pd: see `SharedReplica`."""
FAMILIES: tuple[Family, ...] = ("pools", "semi_pd")


@dataclass(frozen=True)
class Failure:
    """An instance loses all it holds, and is back, empty, after a while."""

    instance: int
    at_s: int
    repair_s: int


@dataclass(frozen=True)
class Fleet:
    """Machines and what happens to them.

    Attributes:
        machines: name of each instance's cost model.
        link_bytes_per_s: what the network interface of an instance sends.
        overlap: the KV of a layer is sent while the next is computed, so that half of a transfer is hidden.
        switch_s: for how long an instance serves nothing when it changes its role.
    """

    machines: tuple[str, ...]
    link_bytes_per_s: int = 25_000_000_000
    overlap: bool = False
    switch_s: float = 5.0
    kv_capacity_tokens: int = KV_CAPACITY_TOKENS
    failures: tuple[Failure, ...] = ()

    @property
    def instances(self) -> int:
        """How many there are."""
        return len(self.machines)

    @property
    def costs(self) -> tuple[Measured, ...]:
        """Cost model of each instance."""
        return tuple(MEASURED[name] for name in self.machines)

    def transfer_ns(self, tokens: int, *, hidden: bool = False) -> int:
        """Return how long the KV of so many tokens takes over a link, ns; hidden: half of it under the prefill."""
        bytes_ = tokens * KV_BYTES * SECOND_NS
        return -(-bytes_ // (self.link_bytes_per_s * (2 if hidden else 1)))


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Requests in the order of arrival: (n,) int64 each.

    arrival_us: from the start.  input_tokens, output_tokens: >= 1.  scenario: an index of SCENARIOS.
    """

    arrival_us: np.ndarray = field(repr=False)
    input_tokens: np.ndarray = field(repr=False)
    output_tokens: np.ndarray = field(repr=False)
    scenario: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.arrival_us)


class Source(Protocol):
    """Where a case's requests come from."""

    def arrivals(self) -> Arrivals:
        """Return the requests, always the same."""


@dataclass(frozen=True)
class Given:
    """Requests as they are."""

    given: Arrivals = field(repr=False)

    def arrivals(self) -> Arrivals:
        """Return them."""
        return self.given


@dataclass(frozen=True)
class Case(Instance):
    """Requests that come to a fleet.

    phases_s: when the traffic changes, whole seconds, the first 0: known to the reference and to nobody else.
    """

    fleet: Fleet
    source: Source
    phases_s: tuple[int, ...] = (0,)
    family: Family = "pools"

    @property
    def shares(self) -> bool:
        """Whether a machine of role 2 has a share of its SMs for prefill."""
        return self.family == "semi_pd"

    @functools.cached_property
    def arrivals(self) -> Arrivals:
        """The requests; made when they are first needed."""
        return self.source.arrivals()

    @functools.cached_property
    def ttft_slo_s(self) -> list[float]:
        """When the first token of each request is due, s after its arrival."""
        slo: list[float] = (TTFT_SLO_S + TTFT_SLO_TOKEN_S * self.arrivals.input_tokens).tolist()
        return slo


def prefill_ms_per_token(cost: Measured) -> float:
    """Return what a prompt token costs in a full batch of prompts of 1,024 tokens, ms."""
    return cost.compute_ns(CHUNK_TOKENS, 2 * 1024**2, 0) / CHUNK_TOKENS / 1e6


def first_roles(instances: int) -> list[Role]:
    """Return the roles that a fleet starts with: half of it prefill, the smaller half where it is odd."""
    return [Role.PREFILL] * (instances // 2) + [Role.DECODE] * (instances - instances // 2)
