"""Family d2moe: what scores 0 and 100.

Naive: everything on the GPU with 4 bits, loaded on demand. Reference: it knows what will be needed. Of the ways to
split a layer between CPU and link, and to compute the missing experts with the smallest gate with 2 bits, it takes the
one with the least time plus a price for bits that are lacking, as long as no request falls short; it prefetches what
is needed next, with 2 or 4 bits; Belady's rule. Of a few prices and both ways to prefetch the best counts. It is no
bound: 8 bits are left aside.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict

from evaluators.moe_offloading.bits_engine import FULL, BitEngine, BitOrders
from evaluators.moe_offloading.bits_serving import LEAST_MEAN_BITS, Decide, mean_bits, serve_bits
from evaluators.moe_offloading.engine import Key
from evaluators.moe_offloading.gates import Step
from evaluators.moe_offloading.workload import Case

NEVER = 1 << 60
LOOK = 3
PRICES = (0.1, 0.5)
"""Of a mean bit of a layer, in loads of an expert."""
FILLS = (2, 4)
"""Bits of what is prefetched."""
SHARES = 4


def naive(number: int, step: Step, layer: int, engine: BitEngine, spare: float) -> BitOrders:
    """Decide as what scores 0 does."""
    count = len(step.active[layer])
    return BitOrders([False] * count, [FULL] * count)


def reference_ms(case: Case) -> float:
    """Return what scores 100."""
    ways = itertools.product(PRICES, FILLS)
    return min(serve_bits(case, deciding(case, price, fill)).cost_ms for price, fill in ways)


def deciding(case: Case, price: float, fill: int) -> Decide:
    """Return how it decides in a case."""
    costs = case.costs
    price_us = price * costs.load_us
    needs: dict[Key, list[int]] = defaultdict(list)
    future: list[list[int]] = []
    for number, step in enumerate(one for steps in case.gates().requests for one in steps):
        for layer, active in enumerate(step.active):
            future.append(active)
            for expert in active:
                needs[layer, expert].append(number * costs.layers + layer)

    def next_need(key: Key, now: int) -> int:
        times = needs[key]
        place = bisect.bisect_right(times, now)
        return times[place] if place < len(times) else NEVER

    def planned(
        step: Step, layer: int, engine: BitEngine, spare: float, least: int
    ) -> tuple[list[bool], list[int], list[int]] | None:
        """Return (who goes to the CPU, bits, in which order is loaded); none if bits are too few. least: of a hit."""
        active, tokens, gate = step.active[layer], step.tokens[layer], step.gate[layer].tolist()
        held = [engine.held.get((layer, e), 0) for e in active]
        there = [place for place, bits in enumerate(held) if bits >= least]
        missing = sorted((place for place, bits in enumerate(held) if bits < least), key=lambda place: tokens[place])
        small = sorted(missing, key=lambda place: gate[active[place]])
        base_us = sum(costs.on_gpu_us(tokens[place]) for place in there)
        link_us = max(0, engine.link_free_us - engine.now_us)
        best: tuple[float, list[bool], list[int], list[int]] | None = None
        for share in range(SHARES + 1) if missing else (0,):
            bits = [one if one >= least else FULL for one in held]
            for place in small[: (share * len(small) + SHARES - 1) // SHARES]:
                bits[place] = max(2, held[place])
            mean = mean_bits(gate, active, bits)
            if spare + mean < LEAST_MEAN_BITS:
                continue
            cpu_us, on_cpu = 0, 0
            while True:
                end, arrived = base_us, link_us
                for place in reversed(missing[on_cpu:]):
                    arrived += costs.load_us * (bits[place] - held[place]) // FULL
                    end = max(end, arrived) + costs.on_gpu_us(tokens[place])
                cost = max(end, cpu_us) - price_us * mean
                if best is None or cost < best[0]:
                    left = set(missing[:on_cpu])
                    order = [active[place] for place in reversed(missing[on_cpu:])]
                    best = (cost, [place in left for place in range(len(active))], bits, order)
                if on_cpu == len(missing) or cpu_us > end:
                    break
                cpu_us += engine.cpu_us(tokens[missing[on_cpu]], bits[missing[on_cpu]])
                on_cpu += 1
        return None if best is None else best[1:]

    def decide(number: int, step: Step, layer: int, engine: BitEngine, spare: float) -> BitOrders:
        now = number * costs.layers + layer
        found = planned(step, layer, engine, spare, 2) or planned(step, layer, engine, spare, FULL)
        assert found is not None, "with 4 bits everywhere they are enough"
        cpu, bits, load = found
        active = step.active[layer]
        wanted = [
            ((now + j) % costs.layers, e)
            for j in range(1, LOOK + 1)
            if now + j < len(future)
            for e in future[now + j]
            if engine.held.get(((now + j) % costs.layers, e), 0) < fill
        ]
        wanted += [(layer, e) for e, left in zip(active, cpu, strict=True) if left]
        wanted.sort(key=lambda key: next_need(key, now))
        wanted = wanted[:8]
        evict: list[Key] = []
        if load or wanted:
            count = 2 * (len(load) + len(wanted)) + 2
            evict = sorted(engine.held, key=lambda key: -next_need(key, now))[: min(count, 64)]
            spared = len(load)
            kept = []
            for key in wanted:
                # What would push out something needed sooner stays away.
                if spared < len(evict) and next_need(key, now) < next_need(evict[spared], now):
                    kept.append(key)
                    spared += 1
            wanted = kept
        return BitOrders(cpu, bits, load, [(key, fill) for key in wanted], evict)

    return decide
