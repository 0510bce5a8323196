"""One GPU, one CPU and one link between them, layer by layer, whole microseconds. No simpy: three times are the state.

In a layer the GPU computes attention and the gate; then the policy is asked. The GPU computes the experts that are
there, then those that come over the link, in the order in which they come; the CPU computes its own one after the
other; the layer ends when both have. The link loads what this layer needs first, then what is prefetched, until the
next question; what runs is not interrupted. Sources: HybriMoE 2025 (DAC), Fiddler 2025 (ICLR), Eliseev & Mazur 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

FLAT_TOKENS = 64
"""Up to so many tokens an expert takes the GPU as long as one does."""

Key = tuple[int, int]
"""(layer, expert)."""


@dataclass(frozen=True)
class Costs:
    """Of a model on a machine, us. capacity: experts that the GPU has room for, of all layers together."""

    layers: int
    experts: int
    top_k: int
    fixed_us: int
    gpu_us: int
    cpu_base_us: int
    cpu_token_us: int
    load_us: int
    expert_mb: float
    capacity: int

    def on_gpu_us(self, tokens: int) -> int:
        """Return how long the GPU takes for the tokens of an expert."""
        return self.gpu_us if tokens <= FLAT_TOKENS else self.gpu_us * tokens // FLAT_TOKENS

    def on_cpu_us(self, tokens: int) -> int:
        """Return how long the CPU takes."""
        return self.cpu_base_us + self.cpu_token_us * tokens


@dataclass
class Orders:
    """What a policy wants in a layer.

    cpu: per active expert, whether the CPU computes it.  load: in which order missing experts are loaded.
    prefetch: what is loaded after that.  evict: what goes first when there is no room; then the least recently used.
    """

    cpu: Sequence[bool]
    load: Sequence[int] = ()
    prefetch: Sequence[Key] = ()
    evict: Sequence[Key] = ()


@dataclass
class Counts:
    """What has happened so far. hits: experts computed on the GPU that were there; needed: all that were computed."""

    needed: int = 0
    hits: int = 0
    on_cpu: int = 0
    on_demand: int = 0
    prefetched: int = 0
    unused: int = 0
    waited_us: int = 0
    worst_wait: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass
class Engine:
    """The state between two layers. arrival: of each expert on the GPU, or on its way, least recently used first.

    room: experts that there is room for now.  cpu_ahead_us: what the CPU does in a layer before its experts.
    """

    costs: Costs
    arrival: dict[Key, int]
    now_us: int = 0
    link_free_us: int = 0
    counts: Counts = field(default_factory=Counts)
    fresh: set[Key] = field(default_factory=set)
    cpu_ahead_us: int = 0

    def __post_init__(self) -> None:
        self.room = self.costs.capacity
        self._left: tuple[int, list[Key], dict[Key, int], Sequence[Key]] = (0, [], {}, ())
        self.mask = np.zeros((self.costs.layers, self.costs.experts), dtype=bool)
        for key in self.arrival:
            self.mask[key] = True
        self.now_us += self.costs.fixed_us

    def flying(self) -> Key | None:
        """Return the expert that is on its way."""
        if self.link_free_us <= self.now_us:
            return None
        return next(key for key, at in self.arrival.items() if at == self.link_free_us)

    def layer(self, layer: int, active: Sequence[int], tokens: Sequence[int], orders: Orders) -> int:
        """Compute a layer as ordered, up to the next layer's gate. Returns when the layer has ended, us."""
        end = self.compute(layer, active, tokens, orders)
        self.fill(end + self.costs.fixed_us)
        return end

    def compute(self, layer: int, active: Sequence[int], tokens: Sequence[int], orders: Orders) -> int:
        """Compute the experts of a layer. Returns when that ends, us; what is prefetched is left to `fill`."""
        costs, start, counts, arrival = self.costs, self.now_us, self.counts, self.arrival
        on_gpu = {(layer, e): n for e, n, cpu in zip(active, tokens, orders.cpu, strict=True) if not cpu}
        cpu_us = self.cpu_ahead_us + sum(costs.on_cpu_us(n) for n, cpu in zip(tokens, orders.cpu, strict=True) if cpu)
        counts.needed += len(active)
        counts.on_cpu += len(active) - len(on_gpu)
        missing = [key for key in on_gpu if key not in arrival]
        counts.hits += len(on_gpu) - len(missing)
        if missing:
            wanted = {(layer, e): rank for rank, e in reversed(list(enumerate(orders.load)))}
            missing.sort(key=lambda key: wanted.get(key, len(wanted) + key[1]))
            for key in missing:
                self._load(key, max(start, self.link_free_us), on_gpu, orders.evict)
            counts.on_demand += len(missing)
        gpu = start
        for ready, key in sorted((max(start, arrival[key]), key) for key in on_gpu):
            took = costs.on_gpu_us(on_gpu[key])
            gpu = max(gpu, ready) + took
            arrival[key] = arrival.pop(key)  # now the most recently used
        self.fresh.difference_update(on_gpu)
        end = max(gpu, start + cpu_us)
        busy = sum(costs.on_gpu_us(n) for n in on_gpu.values())
        if end - start - busy > counts.worst_wait[0]:
            counts.worst_wait = (end - start - busy, layer, len(missing), len(active) - len(on_gpu))
        counts.waited_us += end - start - busy
        self.now_us = end
        self._left = (start, list(orders.prefetch), on_gpu, orders.evict)
        return end

    def fill(self, until_us: int) -> None:
        """Go on to a time after the layer; prefetches begin before it, in turn, as the link is free."""
        start, prefetch, on_gpu, evict = self._left
        self.now_us = until_us
        for place, key in enumerate(prefetch):
            begin = max(start, self.link_free_us)
            if begin >= until_us:
                del prefetch[:place]
                return
            if key not in self.arrival and self._load(key, begin, on_gpu, evict):
                self.counts.prefetched += 1
                self.fresh.add(key)
        prefetch.clear()

    def shrink(self, room: int) -> None:
        """Set what there is room for; experts go, the least recently used first, but for one on its way."""
        self.room = room
        while len(self.arrival) > room:
            victim = self._victim(self.now_us, {}, ())
            if victim is None:
                return
            self._drop(victim)

    def _load(self, key: Key, begin: int, in_use: dict[Key, int], evict: Sequence[Key]) -> bool:
        """Load an expert from a time on; where there is no room, one that is in nobody's use goes."""
        if len(self.arrival) >= self.room:
            victim = self._victim(begin, in_use, evict)
            if victim is None:
                return False
            self._drop(victim)
        self.link_free_us = begin + self.costs.load_us
        self.arrival[key] = self.link_free_us
        self.mask[key] = True
        return True

    def _drop(self, key: Key) -> None:
        del self.arrival[key]
        self.mask[key] = False
        if key in self.fresh:
            self.fresh.remove(key)
            self.counts.unused += 1

    def _victim(self, begin: int, in_use: dict[Key, int], evict: Sequence[Key]) -> Key | None:
        for key in evict:
            if key not in in_use and self.arrival.get(key, begin + 1) <= begin:
                return key
        return next((key for key, at in self.arrival.items() if key not in in_use and at <= begin), None)
