"""Prefix caches of many replicas, and the index that says which of them hold which blocks.

A block is `BLOCK_TOKENS` tokens of prompt, named by a number that stands for its content and all that comes before it.
What can be reused of a prompt is its longest prefix of blocks that are all in the cache.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence

BLOCK_TOKENS = 512


class PrefixCache:
    """Least-recently-used cache of one replica: at most `capacity` blocks.

    A prompt's last block is touched first, so that of blocks equally old the end of a prompt goes before its beginning.
    """

    __slots__ = ("_bit", "_blocks", "_holders", "capacity", "evictions")

    def __init__(self, capacity: int, index: CacheIndex, replica: int) -> None:
        self.capacity = capacity
        self.evictions = 0
        self._blocks: OrderedDict[int, None] = OrderedDict()
        self._holders, self._bit = index.holders, 1 << replica

    def __len__(self) -> int:
        return len(self._blocks)

    def match(self, blocks: Sequence[int]) -> int:
        """Return how many of a prompt's first blocks are all here."""
        cached, count = self._blocks, 0
        for block in blocks:
            if block not in cached:
                break
            count += 1
        return count

    def store(self, blocks: Sequence[int]) -> None:
        """Put a prompt's blocks here, or mark them as just used; what is too much goes, oldest first."""
        cached, holders, bit = self._blocks, self._holders, self._bit
        for block in reversed(blocks):
            if block in cached:
                cached.move_to_end(block)
            else:
                cached[block] = None
                holders[block] |= bit
        excess = len(cached) - self.capacity
        if excess > 0:
            self.evictions += excess
            for _ in range(excess):
                holders[cached.popitem(last=False)[0]] ^= bit

    def clear(self) -> None:
        """Forget all blocks: the machine was replaced."""
        for block in self._blocks:
            self._holders[block] ^= self._bit
        self._blocks.clear()


class CacheIndex:
    """Which replicas hold a block: one bit each. Every cache keeps it up to date."""

    __slots__ = ("_all", "_replicas", "holders")

    def __init__(self, replicas: int) -> None:
        self.holders: defaultdict[int, int] = defaultdict(int)
        self._replicas, self._all = replicas, (1 << replicas) - 1

    def matches(self, blocks: Sequence[int]) -> list[int]:
        """Return for each replica how many of a prompt's first blocks are all in its cache."""
        counts = [len(blocks)] * self._replicas
        alive, holders = self._all, self.holders
        for depth, block in enumerate(blocks):
            lost = alive & ~holders.get(block, 0)
            if lost:
                alive ^= lost
                while lost:
                    lowest = lost & -lost
                    counts[lowest.bit_length() - 1] = depth
                    lost ^= lowest
                if not alive:
                    break
        return counts
