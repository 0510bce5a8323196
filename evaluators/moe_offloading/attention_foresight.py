"""Family apex: what scores 0 and 100.

Naive: all attention on the GPU; experts split so that CPU and link end together, `baselines/apex/gpu_attention.py`.
Reference: it knows what will be needed (clairvoyant.py) and computes the attention of the longest sequences on the CPU;
of how many, from none to all, the best counts.
"""

from __future__ import annotations

from collections.abc import Callable

from evaluators.moe_offloading.attention import Batch, Place, decoding, serve_attention
from evaluators.moe_offloading.clairvoyant import deciding_for
from evaluators.moe_offloading.engine import Costs, Engine, Orders
from evaluators.moe_offloading.gates import Step
from evaluators.moe_offloading.workload import AttentionCase

QUARTERS = 4


def naive_place(batch: Batch) -> list[int]:
    """Leave all attention to the GPU."""
    return [0] * batch.sequences


def naive_of(costs: Costs) -> Callable[[int, Step, int, Engine], Orders]:
    """Return how what scores 0 decides in a layer."""

    def decide(number: int, step: Step, layer: int, engine: Engine) -> Orders:
        active = step.active[layer]
        needed = list(zip(step.tokens[layer], active, strict=True))
        missing = sorted((n, e) for n, e in needed if (layer, e) not in engine.arrival)
        there = sum(costs.on_gpu_us(n) for n, e in needed if (layer, e) in engine.arrival)
        link_us, cpu_us = max(0, engine.link_free_us - engine.now_us), engine.cpu_ahead_us
        best: tuple[int, int] | None = None
        for count in range(len(missing) + 1):
            end, arrived = there, link_us
            for n, _ in reversed(missing[count:]):
                arrived += costs.load_us
                end = max(end, arrived) + costs.on_gpu_us(n)
            if best is None or max(end, cpu_us) < best[0]:
                best = (max(end, cpu_us), count)
            if count < len(missing):
                cpu_us += costs.on_cpu_us(missing[count][0])
        assert best is not None
        on_cpu = [e for _, e in missing[: best[1]]]
        load = [e for _, e in reversed(missing[best[1] :])]
        return Orders([e in on_cpu for e in active], load, [(layer, e) for e in reversed(on_cpu)][:8])

    return decide


def longest(quarters: int) -> Place:
    """Return a rule that leaves the longest sequences to the CPU, so many quarters of all."""

    def place(batch: Batch) -> list[int]:
        count = batch.sequences * quarters // QUARTERS
        order = sorted(range(batch.sequences), key=lambda k: (-batch.kv_tokens[k], k))
        return [int(k in order[:count]) for k in range(batch.sequences)]

    return place


def reference_ms(case: AttentionCase) -> float:
    """Return what scores 100."""
    requests = decoding(case)
    return min(
        serve_attention(case, longest(quarters), deciding_for(case.costs, requests)).cost_ms
        for quarters in range(QUARTERS + 1)
    )
