"""Requests of a workload: when they come, how long they are, what their prompts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluators.serving.cache import BLOCK_TOKENS


@dataclass(frozen=True, eq=False)
class Requests:
    """Requests in the order of arrival.

    arrival_us: (n,) int64, from the start.  input_tokens, output_tokens: (n,) int64, >= 1.
    blocks: for each request the names of its prompt's ceil(input_tokens / 512) blocks; the same name stands for the
        same content after the same beginning.
    """

    arrival_us: np.ndarray = field(repr=False)
    input_tokens: np.ndarray = field(repr=False)
    output_tokens: np.ndarray = field(repr=False)
    blocks: tuple[tuple[int, ...], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.blocks)

    def between(self, first: int, end: int, start_us: int) -> Requests:
        """Return the requests first..end-1, their clock starting at `start_us` of this one."""
        part = slice(first, end)
        return Requests(
            self.arrival_us[part] - start_us, self.input_tokens[part], self.output_tokens[part], self.blocks[part]
        )


def blocks_of(tokens: int) -> int:
    """Return how many blocks a prompt of so many tokens has; the last may be partly filled."""
    return -(-tokens // BLOCK_TOKENS)


def best_prefix_tokens(requests: Requests) -> np.ndarray:
    """Return what a cache that forgets nothing and sees every earlier prompt would hold of each prompt, tokens.

    Returns (n,) int64, at most the prompt less one token, which must be computed for the first answer.
    """
    seen: set[int] = set()
    cached = np.zeros(len(requests), dtype=np.int64)
    for number, blocks in enumerate(requests.blocks):
        cached[number] = cached_tokens(_leading(blocks, seen), int(requests.input_tokens[number]))
        seen.update(blocks)
    return cached


def cached_tokens(matched_blocks: int, input_tokens: int) -> int:
    """Return how many tokens of a prompt need not be computed when so many of its first blocks are cached."""
    return min(matched_blocks * BLOCK_TOKENS, input_tokens - 1)


def _leading(blocks: Sequence[int], seen: set[int]) -> int:
    count = 0
    for block in blocks:
        if block not in seen:
            break
        count += 1
    return count
