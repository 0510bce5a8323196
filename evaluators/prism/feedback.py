"""The sentences that would help a person to improve a placement: which GPU decides, why, and what would lower it."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.prism.figures import Figures
from evaluators.prism.pressure import GPU_GB, Gpu, pressure
from evaluators.prism.workload import Case

NEAR = 0.99
"""GPUs with at least this share of the highest pressure must all be relieved before it falls by as much."""


def explain(case: Case, gpus: Sequence[Gpu], figures: Figures, bound: float) -> str:
    """Say which GPU decides the score, which model presses most on it, and where there would be room."""
    worst = max(range(len(gpus)), key=lambda number: gpus[number].pressure)
    least = min(range(len(gpus)), key=lambda number: gpus[number].pressure)
    high, low = gpus[worst], gpus[least]
    free_gb = GPU_GB - high.used_gb
    known = []
    if figures.naive is not None:
        known.append(f"round robin {figures.naive:.5g}")
    if figures.reference is not None:
        known.append(f"reference {figures.reference:.5g}{figures.reference_did}")
    known.append(f"bound {bound:.5g}, all alike")
    near = sum(gpu.pressure >= NEAR * high.pressure for gpu in gpus)
    facts = [
        f"{len(gpus)} GPUs, {len(case.models)} models: GPU {worst} has the highest pressure {high.pressure:.5g} "
        f"({', '.join(known)}); {near} GPU{'s' if near > 1 else ''} within 1 % of it"
    ]
    if not free_gb:
        facts.append(f"its models {few(high.models)} leave no memory at all to the KV cache")
    elif high.models:
        heavy = max(high.models, key=lambda i: case.models[i].rate / case.models[i].slo)
        model = case.models[heavy]
        facts.append(
            f"its {len(high.models)} models {few(high.models)} have rate/slo {high.demand:.3f} "
            f"on {free_gb:g} GB free; "
            f"most of it from model {heavy} ({model.size_gb:g} GB, rate {model.rate:g}, slo {model.slo:g}: "
            f"{model.rate / model.slo:.3f})"
        )
    empty = sum(not gpu.models for gpu in gpus)
    facts.append(
        f"GPU {least} has the lowest, {low.pressure:.5g} ({low.demand:.3f} on {GPU_GB - low.used_gb:g} GB free)"
        + (f"; {empty} GPUs are empty" if empty else "")
    )
    facts.append(_relief(case, gpus, worst))
    return "; ".join(facts) + "."


def few(numbers: Sequence[int], most: int = 6) -> str:
    """Return the first of some numbers as text."""
    shown = ", ".join(map(str, numbers[:most]))
    return f"{shown}, ..." if len(numbers) > most else shown


def _relief(case: Case, gpus: Sequence[Gpu], worst: int) -> str:
    """Say how far one move, or one swap, of a model of the worst GPU lowers it without another becoming as bad."""
    high = gpus[worst]
    best, said = high.pressure, ""
    for number, gpu in enumerate(gpus):
        if number == worst:
            continue
        for mine in high.models:
            for theirs in (None, *gpu.models):
                size_gb, demand = _load(case, mine)
                if theirs is not None:
                    other_gb, other = _load(case, theirs)
                    size_gb, demand = size_gb - other_gb, demand - other
                if gpu.used_gb + size_gb > GPU_GB or high.used_gb - size_gb > GPU_GB:
                    continue
                then = max(
                    pressure(high.demand - demand, GPU_GB - high.used_gb + size_gb),
                    pressure(gpu.demand + demand, GPU_GB - gpu.used_gb - size_gb),
                )
                if then < best * (1 - 1e-9):
                    way = f"to GPU {number}" if theirs is None else f"for model {theirs} of GPU {number}"
                    best, said = then, f"model {mine} {way} would make it {then:.5g}"
    return said or "no move and no swap of one of its models lowers it"


def _load(case: Case, index: int) -> tuple[float, float]:
    model = case.models[index]
    return model.size_gb, model.rate / model.slo
