"""The bundled public traces; see data/SOURCE.md."""

from __future__ import annotations

import functools
import zlib
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np

from evaluators.serving.cache import BLOCK_TOKENS
from evaluators.serving.requests import Requests, blocks_of

DATA = Path(__file__).parent / "data"


@functools.cache
def mooncake_trace(name: Literal["conversation", "synthetic"]) -> Requests:
    """Return a trace of Mooncake: 12,031 requests of a chat service, or 3,993 synthetic ones. Times as published."""
    gaps_ms, inputs, outputs, shared, last = _columns(f"mooncake_{name}.bin", 5)
    before: dict[int, int] = {}
    unseen = count()
    blocks = []
    for prompt, known, block in zip(inputs.tolist(), shared.tolist(), last.tolist(), strict=True):
        way = []
        while block >= 0:
            way.append(block)
            block = before[block]
        assert len(way) == known
        way.reverse()
        while len(way) < blocks_of(prompt):
            fresh = next(unseen)
            before[fresh] = way[-1] if way else -1
            way.append(fresh)
        blocks.append(tuple(way))
    return Requests(np.cumsum(gaps_ms) * 1000, inputs, outputs, tuple(blocks))


@functools.cache
def azure_trace(name: Literal["conv", "code"]) -> Requests:
    """Return a trace of Azure: 19,366 requests for conversation, or 8,819 for code.

    Every block is new: the trace tells nothing of what prompts share.
    """
    gaps_us, inputs, outputs = _columns(f"azure_{name}.bin", 3)
    return unshared(np.cumsum(gaps_us), inputs, outputs)


@functools.cache
def answer_tokens(
    trace: Literal["mooncake_conversation", "mooncake_synthetic", "azure_conv", "azure_code"],
) -> np.ndarray:
    """Return the lengths of a trace's answers, tokens: (n,) int64."""
    lengths: np.ndarray = _columns(f"{trace}.bin", 5 if trace.startswith("mooncake") else 3)[2]
    return lengths


def unshared(arrival_us: np.ndarray, input_tokens: np.ndarray, output_tokens: np.ndarray) -> Requests:
    """Return requests whose prompts have nothing in common. All arrays (n,) int64."""
    ends = np.cumsum(-(-input_tokens // BLOCK_TOKENS)).tolist()
    blocks = tuple(tuple(range(first, end)) for first, end in zip([0, *ends], ends, strict=False))
    return Requests(arrival_us, input_tokens, output_tokens, blocks)


def _columns(file: str, number: int) -> np.ndarray:
    data = zlib.decompress((DATA / file).read_bytes())
    return np.frombuffer(data, dtype="<i4").reshape(number, -1).astype(np.int64)
