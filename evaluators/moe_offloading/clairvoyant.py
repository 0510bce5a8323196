"""The reference: it knows what all tokens will ask for. Exact split, prefetching of what is needed next, Belady's rule.

Belady 1966: what is needed again last goes. With a CPU beside it that is no bound, only a strong program; what nobody
gets below is in figures.py.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Sequence

from evaluators.moe_offloading.engine import Costs, Engine, Key, Orders
from evaluators.moe_offloading.gates import Step
from evaluators.moe_offloading.workload import Case

NEVER = 1 << 60
LOOK = 3
"""Layers ahead that are prefetched for."""


def deciding(case: Case, look: int = LOOK) -> Callable[[int, Step, int, Engine], Orders]:
    """Return how it decides in a case."""
    return deciding_for(case.costs, case.gates().requests, look)


def deciding_for(
    costs: Costs, requests: Sequence[Sequence[Step]], look: int = LOOK
) -> Callable[[int, Step, int, Engine], Orders]:
    """Return how it decides when it knows these passes."""
    needs: dict[Key, list[int]] = defaultdict(list)
    ahead: list[list[int]] = []
    for number, step in enumerate(one for steps in requests for one in steps):
        for layer, active in enumerate(step.active):
            ahead.append(active)
            for expert in active:
                needs[layer, expert].append(number * costs.layers + layer)

    def next_need(key: Key, now: int) -> int:
        times = needs[key]
        place = bisect.bisect_right(times, now)
        return times[place] if place < len(times) else NEVER

    def decide(number: int, step: Step, layer: int, engine: Engine) -> Orders:
        now = number * costs.layers + layer
        active, tokens = step.active[layer], step.tokens[layer]
        link_us = max(0, engine.link_free_us - engine.now_us)
        missing = sorted((n, e) for e, n in zip(active, tokens, strict=True) if (layer, e) not in engine.arrival)
        there = sum(costs.on_gpu_us(n) for e, n in zip(active, tokens, strict=True) if (layer, e) in engine.arrival)
        best = (NEVER, 0)
        for count in range(len(missing) + 1):
            end, arrived = there, link_us
            for n, _ in reversed(missing[count:]):
                arrived += costs.load_us
                end = max(end, arrived) + costs.on_gpu_us(n)
            best = min(
                best, (max(end, engine.cpu_ahead_us + sum(costs.on_cpu_us(n) for n, _ in missing[:count])), count)
            )
        on_cpu = {e for _, e in missing[: best[1]]}
        load = [e for _, e in reversed(missing[best[1] :])]
        wanted = [
            ((now + j) % costs.layers, e)
            for j in range(1, look + 1)
            if now + j < len(ahead)
            for e in ahead[now + j]
            if ((now + j) % costs.layers, e) not in engine.arrival
        ]
        wanted += [(layer, e) for e in on_cpu]
        wanted.sort(key=lambda key: next_need(key, now))
        wanted = wanted[:8]
        evict: list[Key] = []
        if load or wanted:
            last = sorted(engine.arrival, key=lambda key: -next_need(key, now))[: len(load) + len(wanted) + 2]
            evict = last
            # What would push out something needed sooner stays away.
            spare = len(load)
            kept = []
            for key in wanted:
                if spare < len(last) and next_need(key, now) < next_need(last[spare], now):
                    kept.append(key)
                    spare += 1
            wanted = kept
        return Orders([e in on_cpu for e in active], load, wanted, evict)

    return decide
