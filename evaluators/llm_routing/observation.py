"""What a policy sees. Rows of numbers, one per replica, are sent in the form in which they travel."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from evolve.evaluator import Record, pack

Row = Callable[[Sequence[int]], Any]
"""Makes a row of whole numbers, one per replica, into the (N,) int64 array that is sent."""


class ClusterInfo(Record, frozen=True):
    """The constants of a case, given to `Policy(cluster)`."""

    replicas: int
    block_tokens: int
    prefill_ms_per_token: np.ndarray
    decode_ms_per_request: np.ndarray
    decode_ms_per_kv_token: np.ndarray
    kv_capacity_tokens: int
    cache_capacity_blocks: int
    report_interval_s: float


class Request(Record, frozen=True):
    """A request as the gateway sees it: not how long its answer will be, nor whose it is."""

    id: int
    input_tokens: int
    block_hashes: Any
    ttft_slo_s: float
    tpot_slo_s: float


class Finished(Record, frozen=True):
    """A request that is complete."""

    id: int
    replica: int
    ttft_s: float
    tpot_s: float
    output_tokens: int


class Report(Record, frozen=True):
    """What `rebalance` sees: the replicas as of their last report, and what was completed since the last call."""

    now_s: float
    reported_s: float
    queued_requests: Any
    queued_tokens: Any
    running_requests: Any
    kv_used_tokens: Any
    evictions: Any
    finished: tuple[Finished, ...]


class Observation(Record, frozen=True):
    """What `route` sees: the request, which of its blocks are cached where, and the same as in a report."""

    now_s: float
    request: Request
    match_blocks: Any
    reported_s: float
    queued_requests: Any
    queued_tokens: Any
    running_requests: Any
    kv_used_tokens: Any
    evictions: Any
    finished: tuple[Finished, ...]


def packed_row(length: int) -> Row:
    """Return what packs a row of `length` whole numbers, in a fifth of the time that `pack` takes for an array."""
    head = bytes(pack(np.zeros(length, dtype=np.int64)))[: -8 * length]
    body = struct.Struct(f"<{length}q").pack
    return lambda numbers: msgspec.Raw(head + body(*numbers))


def array_row(numbers: Sequence[int]) -> np.ndarray:
    """Return a row as the candidate's end sees it, for programs of ours that run in this process."""
    return np.array(numbers, dtype=np.int64)


def block_hashes(blocks: tuple[tuple[int, ...], ...]) -> list[np.ndarray]:
    """Return for each request the hashes of its blocks, (n,) int64.

    What is hashed is how many other blocks the gateway had seen before the block: hashes tell which blocks are the
    same, and nothing of where the requests come from; those of two cases differ only where their requests do. A key
    would have to be found by every process alike, hence from what a reader of this repository has; this needs none.
    A bijection (splitmix64), so that two blocks never have one hash.
    """
    numbers: dict[int, int] = {}
    flat = np.array([numbers.setdefault(block, len(numbers)) for row in blocks for block in row], dtype=np.uint64)
    mixed = (flat + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    hashes = (mixed ^ (mixed >> np.uint64(31))).view(np.int64)
    ends = np.cumsum([len(row) for row in blocks]).tolist()
    return [hashes[first:end] for first, end in zip([0, *ends], ends, strict=False)]
