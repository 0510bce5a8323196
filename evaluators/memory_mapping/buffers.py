"""The kind `offsets`: buffers whose times are known, to be given addresses so that the highest one used is low.

Bound: at every time all buffers that are there need room side by side, so that no peak is below the largest sum of
their sizes (`rectangles.max_load`). No simpy: nothing happens by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from evaluators.memory_mapping.rectangles import first_overlap, max_load
from evolve.evaluator import Infeasible, Instance, index_array

MOST_BYTES = 2**50


@dataclass(frozen=True)
class Buffers:
    """Buffers of a program. Each is there in [lower, upper); size: bytes, at least 1. All (n,)."""

    lower: list[int]
    upper: list[int]
    size: list[int]

    @cached_property
    def max_load(self) -> int:
        """Return the bytes below which no peak lies."""
        return max_load(self.lower, self.upper, self.size)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return lower, upper and size as (n,) int64, as a program sees them."""
        return tuple(np.array(column, dtype=np.int64) for column in (self.lower, self.upper, self.size))  # type: ignore[return-value]


@dataclass(frozen=True)
class BuffersInstance(Instance):
    """Buffers to place. draw: makes them.  capacity: bytes that they are known to fit into; 0: unknown."""

    draw: Callable[[], Buffers] = field(repr=False, compare=False)
    capacity: int = 0

    @cached_property
    def buffers(self) -> Buffers:
        """Return the buffers."""
        return self.draw()


def checked_offsets(answer: Any, buffers: Buffers) -> list[int]:
    """Read (n,) offsets, bytes from 0. Raises Infeasible that names the buffer, or the two that overlap."""
    offsets: list[int] = index_array(answer, (len(buffers.size),), MOST_BYTES, "offset of buffer").tolist()
    clash = first_overlap(buffers.lower, buffers.upper, buffers.size, offsets)
    if clash is not None:
        time, one, other = clash
        raise Infeasible(
            f"buffers {one} and {other} overlap from time {time} on: bytes [{offsets[one]}, "
            f"{offsets[one] + buffers.size[one]}) and [{offsets[other]}, {offsets[other] + buffers.size[other]})"
        )
    return offsets


def peak_bytes(buffers: Buffers, offsets: Sequence[int]) -> int:
    """Return the highest address that is used, plus one."""
    return max(offset + size for offset, size in zip(offsets, buffers.size, strict=True))
