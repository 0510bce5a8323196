"""A case: machines, what happens to them, and the requests that come."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Protocol

from evaluators.serving import CHUNK_TOKENS, KV_BYTES_PER_TOKEN, LINK_BYTES_PER_S, MEASURED, Measured
from evaluators.serving.requests import Requests
from evolve.evaluator import Instance

A100, H100 = "a100-llama-2-70b-tp8", "h100-llama-2-70b-tp8"
"""A replica is one machine with 8 GPUs that serves Llama-2-70B."""

KV_CAPACITY_TOKENS = 1_400_000
"""Room on the 8 GPUs: (0.9 * 640 GB - weights - activations) / 320 KB."""
CACHE_BLOCKS = 5859
"""Room in 1 TB of the machine's memory: 3 M tokens (Mooncake)."""
KV_BYTES = KV_BYTES_PER_TOKEN["llama-2-70b"]
MOVE_BYTES_PER_S = LINK_BYTES_PER_S["pcie-3-x16"]
"""How fast the KV of a running request gets to another machine."""

TPOT_SLO_S = 0.1
TTFT_SLO_S = 0.5
"""Added to the time that the prompt takes on an idle A100 machine without any cache."""


@dataclass(frozen=True)
class SlowDown:
    """For a while a replica needs `factor` times as long for everything."""

    replica: int
    start_s: int
    length_s: int
    factor: float


@dataclass(frozen=True)
class Replacement:
    """A replica fails and an empty one is there in its place; its requests start again, those admitted first."""

    replica: int
    at_s: int


@dataclass(frozen=True)
class Cluster:
    """Machines and what happens to them.

    machines: name of each replica's cost model.  report_interval_s: how often replicas tell the gateway their state.
    """

    machines: tuple[str, ...]
    cache_blocks: int = CACHE_BLOCKS
    kv_capacity_tokens: int = KV_CAPACITY_TOKENS
    report_interval_s: float = 0.1
    incidents: tuple[SlowDown | Replacement, ...] = ()

    @property
    def replicas(self) -> int:
        """How many there are."""
        return len(self.machines)

    @property
    def costs(self) -> tuple[Measured, ...]:
        """Cost model of each replica."""
        return tuple(MEASURED[name] for name in self.machines)


class Source(Protocol):
    """Where a case's requests come from."""

    def requests(self) -> Requests:
        """Return the requests, always the same."""


@dataclass(frozen=True)
class Given:
    """Requests as they are."""

    given: Requests = field(repr=False)

    def requests(self) -> Requests:
        """Return them."""
        return self.given


@dataclass(frozen=True)
class Case(Instance):
    """Requests that come to a cluster.

    unscored_s: requests that come before are served and not scored: the caches fill up.
    """

    cluster: Cluster
    source: Source
    unscored_s: float = 0.0

    @functools.cached_property
    def requests(self) -> Requests:
        """The requests; made when they are first needed."""
        return self.source.requests()


def prefill_ms_per_token(cost: Measured) -> float:
    """Return what a prompt token costs in a full chunk of an empty engine, ms."""
    return cost.compute_ns(CHUNK_TOKENS, CHUNK_TOKENS**2, 0) / CHUNK_TOKENS / 1e6
