"""What would help a person: what lies on top and what is wasted below it, or where a program waits for main memory."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.memory_mapping.buffers import Buffers, peak_bytes
from evaluators.memory_mapping.figures import Figures
from evaluators.memory_mapping.machine import MAIN_RATE, ProgramInstance, Stay, Timing

MOST_LETTERS = 500


def explain_offsets(buffers: Buffers, offsets: Sequence[int], figures: Figures) -> str:
    """Return one line on a placement without overlap."""
    peak = peak_bytes(buffers, offsets)
    top = max(range(len(offsets)), key=lambda k: (offsets[k] + buffers.size[k], -k))
    facts = [
        f"peak {peak} bytes of {len(offsets)} buffers ({peak / buffers.max_load:.3f} times the largest load "
        f"{buffers.max_load}, the reference; by size, first fit {figures.naive}, by start {figures.rival})"
    ]
    begin, end = buffers.lower[top], buffers.upper[top]
    beside = [k for k in range(len(offsets)) if k != top and buffers.lower[k] < end and begin < buffers.upper[k]]
    gaps, at = [], 0
    for low, high in sorted((offsets[k], offsets[k] + buffers.size[k]) for k in beside):
        if low > at:
            gaps.append((low - at, at))
        at = max(at, high)
    facts.append(
        f"on top lies buffer {top}: {buffers.size[top]} bytes at {offsets[top]} in [{begin}, {end}), "
        f"beside {len(beside)} others"
    )
    if gaps:
        largest, where = max(gaps)
        facts.append(
            f"below it {sum(gap for gap, _ in gaps)} bytes are free for its whole life in {len(gaps)} gaps, "
            f"the largest {largest} at {where}"
        )
    return ("; ".join(facts) + ".")[:MOST_LETTERS]


def explain_plan(instance: ProgramInstance, stays: Sequence[Stay], timing: Timing, figures: Figures) -> str:
    """Return one line on a plan that keeps all rules."""
    program, uses = instance.program, instance.uses
    size = program.bytes.tolist()
    facts = [
        f"{timing.ticks} ticks (nothing in fast memory {figures.naive}, best fit {figures.rival}, no plan below "
        f"{figures.reference}, the reference); {len({stay.tensor for stay in stays})} of {len(size)} tensors stay in "
        f"{instance.fast_bytes} bytes"
    ]
    fast = [[False] * len(reads) for reads in uses.reads]
    for stay in stays:
        for i in range(stay.first, stay.last + 1):
            for place, tensor in enumerate(uses.reads[i]):
                fast[i][place] |= tensor == stay.tensor
    lost = [
        (timing.took[i] - int(program.compute[i]), i)
        for i in range(len(timing.took))
        if timing.took[i] > program.compute[i]
    ]
    if lost:
        ticks, i = max(lost)
        slow = [(size[t], t) for place, t in enumerate(uses.reads[i]) if not fast[i][place]]
        what = f", which reads tensor {max(slow)[1]} ({max(slow)[0]} bytes) from main memory" if slow else ""
        facts.append(
            f"{sum(one for one, _ in lost)} ticks are memory time beyond compute, most of them ({ticks}) in "
            f"instruction {i}{what}"
        )
    waited = sum(timing.stall)
    if waited or timing.drain:
        worst = max(range(len(timing.stall)), key=lambda i: timing.stall[i])
        facts.append(
            f"{waited} ticks are waits for {timing.copied // MAIN_RATE} ticks of copies, the longest "
            f"({timing.stall[worst]}) before instruction {worst}, and {timing.drain} at the end"
        )
    return ("; ".join(facts) + ".")[:MOST_LETTERS]
