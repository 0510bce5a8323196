"""What a policy sees. Columns of numbers are sent in the form in which they travel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from evolve.evaluator import Record, pack

Column = Callable[[np.ndarray], Any]
"""Makes a column into what is sent."""


class EngineInfo(Record, frozen=True):
    """The constants of a case, given to `Policy(engine)`."""

    kv_capacity_tokens: int
    max_batch: int
    max_answer_tokens: int
    step_ms: float
    token_ms: float
    attention_ms: float
    decode_ms: float
    kv_token_ms: float
    swap_ms_per_token: float
    strict: bool


class Table(Record, frozen=True):
    """Requests, a column each: (rows,) int64, those in s and tokens of the predictor float64."""

    id: Any
    cls: Any
    program_id: Any
    turn: Any
    arrival_s: Any
    prompt_tokens: Any
    generated_tokens: Any
    prefill_left: Any
    kv_tokens: Any
    ttft_slo_s: Any
    tpot_slo_s: Any
    deadline_s: Any
    out_p50: Any
    out_p90: Any


class Pinned(Record, frozen=True):
    """KV that is held of finished turns, a column each."""

    program_id: Any
    kv_tokens: Any
    until_s: Any


class Observation(Record, frozen=True):
    """What `schedule` sees."""

    now_s: float
    kv_free_tokens: int
    running: Table
    waiting: Table
    swapped: Table
    moving: Any
    pinned: Pinned
    preempted: Any
    history: Any


_heads: dict[tuple[str, int], bytes] = {}


def packed(column: np.ndarray) -> msgspec.Raw:
    """Return a column as it travels, in a third of the time that `pack` takes."""
    key = (column.dtype.char, len(column))
    head = _heads.get(key)
    if head is None:
        whole = bytes(pack(column))
        head = _heads[key] = whole[: len(whole) - column.nbytes]
    return msgspec.Raw(head + column.tobytes())


def as_it_is(column: np.ndarray) -> np.ndarray:
    """Return a column as the candidate's end sees it, for programs of ours that run in this process."""
    return column
