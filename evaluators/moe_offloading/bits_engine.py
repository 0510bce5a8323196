"""Family d2moe: experts in nested precision. What is loaded are bits: 2, 4 or 8 of each weight, the first ones first.

An expert that is there with some bits can be computed with as many or fewer; for more, only what is missing is loaded.
The link and the CPU take as many times as long as there are bits over 4; the GPU takes the same time for all, and room
is counted in bits. Else as in engine.py. Source: Wang 2025 (D2MoE, MobiCom), matryoshka weight quantization.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluators.moe_offloading.engine import Costs, Counts, Key

LEVELS = (2, 4, 8)
FULL = 4
"""The bits to which the times and the room of `Costs` belong."""


@dataclass
class BitOrders:
    """What a policy wants in a layer: as `Orders`, and per active expert the bits that it is computed with.

    prefetch: ((layer, expert), bits).
    """

    cpu: Sequence[bool]
    bits: Sequence[int]
    load: Sequence[int] = ()
    prefetch: Sequence[tuple[Key, int]] = ()
    evict: Sequence[Key] = ()


@dataclass
class BitEngine:
    """The state between two layers.

    held: bits of each expert on the GPU, or on their way, least recently used or loaded first.
    last: the expert that the link loaded last, and how many bits it had before.
    """

    costs: Costs
    held: dict[Key, int]
    now_us: int = 0
    link_free_us: int = 0
    counts: Counts = field(default_factory=Counts)
    fresh: set[Key] = field(default_factory=set)
    loaded_bits: int = 0
    last: tuple[Key, int] | None = None

    def __post_init__(self) -> None:
        self.room = FULL * self.costs.capacity
        self.used = sum(self.held.values())
        self.bits = np.zeros((self.costs.layers, self.costs.experts), dtype=np.uint8)
        for key, bits in self.held.items():
            self.bits[key] = bits
        self.now_us += self.costs.fixed_us

    def flying(self) -> tuple[Key, int] | None:
        """Return the expert that is on its way, and the bits that are there of it."""
        return self.last if self.link_free_us > self.now_us else None

    def cpu_us(self, tokens: int, bits: int) -> int:
        """Return how long the CPU takes for an expert."""
        return self.costs.on_cpu_us(tokens) * bits // FULL

    def layer(self, layer: int, active: Sequence[int], tokens: Sequence[int], orders: BitOrders) -> int:
        """Compute a layer as ordered, up to the next layer's gate. Returns when the layer has ended, us."""
        costs, start, counts, held = self.costs, self.now_us, self.counts, self.held
        flying = self.flying()
        on_gpu: dict[Key, int] = {}
        ready: dict[Key, int] = {}
        missing: list[tuple[Key, int]] = []
        cpu_us = 0
        for expert, n, cpu, bits in zip(active, tokens, orders.cpu, orders.bits, strict=True):
            if cpu:
                cpu_us += self.cpu_us(n, bits)
                continue
            key = (layer, expert)
            on_gpu[key] = n
            if held.get(key, 0) < bits:
                missing.append((key, bits))
            else:
                late = flying is not None and flying[0] == key and flying[1] < bits
                ready[key] = self.link_free_us if late else start
        counts.needed += len(active)
        counts.on_cpu += len(active) - len(on_gpu)
        counts.hits += len(ready)
        counts.on_demand += len(missing)
        if missing:
            rank = {(layer, e): place for place, e in reversed(list(enumerate(orders.load)))}
            missing.sort(key=lambda one: rank.get(one[0], len(rank) + one[0][1]))
            for key, bits in missing:
                if not self._load(key, bits, max(start, self.link_free_us), on_gpu, orders.evict):
                    raise ValueError(f"no room for expert {key} with {bits} bits: {self.room} bits are too few")
                ready[key] = self.link_free_us
        gpu = start
        busy = 0
        for at, key in sorted((at, key) for key, at in ready.items()):
            took = costs.on_gpu_us(on_gpu[key])
            busy += took
            gpu = max(gpu, at) + took
            held[key] = held.pop(key)  # now the most recently used
        self.fresh.difference_update(on_gpu)
        end = max(gpu, start + cpu_us)
        if end - start - busy > counts.worst_wait[0]:
            counts.worst_wait = (end - start - busy, layer, len(missing), len(active) - len(on_gpu))
        counts.waited_us += end - start - busy
        self.now_us = end + costs.fixed_us
        for key, bits in orders.prefetch:
            begin = max(start, self.link_free_us)
            if begin >= self.now_us:
                break
            if held.get(key, 0) < bits and self._load(key, bits, begin, on_gpu, orders.evict):
                counts.prefetched += 1
                self.fresh.add(key)
        return end

    def _load(self, key: Key, bits: int, begin: int, in_use: dict[Key, int], evict: Sequence[Key]) -> bool:
        """Load the bits that an expert lacks; whole experts that are in nobody's use go, as many as must."""
        had = self.held.get(key, 0)
        over = self.used + bits - had - self.room
        if over > 0:
            going: dict[Key, int] = {}
            for victim in itertools.chain(evict, self.held):
                if victim in self.held and victim not in in_use and victim != key and victim not in going:
                    going[victim] = self.held[victim]
                    over -= going[victim]
                    if over <= 0:
                        break
            if over > 0:
                return False
            for victim in going:
                self._drop(victim)
        self.held.pop(key, None)
        self.held[key] = bits
        self.bits[key] = bits
        self.used += bits - had
        self.loaded_bits += bits - had
        self.link_free_us = begin + self.costs.load_us * (bits - had) // FULL
        self.last = (key, had)
        return True

    def _drop(self, key: Key) -> None:
        self.used -= self.held.pop(key)
        self.bits[key] = 0
        if key in self.fresh:
            self.fresh.remove(key)
            self.counts.unused += 1
