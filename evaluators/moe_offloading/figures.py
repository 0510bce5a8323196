"""What scores 0 and 100 on a case: decode ms a token + prefill ms / 20.

Naive: `baselines/lru_on_demand.py`. Reference: clairvoyant.py. `bound`: every layer as if all experts were on the GPU,
with the best split between GPU and CPU; in family d2moe the CPU's have 2 bits, in apex attention takes no time. What
scores 0 and 100 there: bits_foresight.py, attention_foresight.py.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.kept_figures import differ, far_apart
from evaluators.moe_offloading import attention_foresight, bits_foresight
from evaluators.moe_offloading.attention import decoding, serve_attention
from evaluators.moe_offloading.bits_engine import FULL
from evaluators.moe_offloading.bits_serving import serve_bits
from evaluators.moe_offloading.clairvoyant import deciding
from evaluators.moe_offloading.engine import Costs, Counts, Orders
from evaluators.moe_offloading.serving import Served, serve
from evaluators.moe_offloading.workload import AttentionCase, BitCase, Case, Family, digest, family_of
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Figures:
    """Decode ms a token + prefill ms / 20."""

    naive: float
    reference: float
    bound: float

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the case to have a score."""
        return differ(self.naive, self.reference)


def worth_drawing(_: Case, found: Figures) -> bool:
    """Return whether a drawn case tells programs apart: it is drawn again where it does not."""
    return far_apart(found.naive, found.reference)


def file_of(family: Family) -> Path:
    """Return where the figures of a family's built-in cases are kept."""
    return STORED if family == "hybrimoe" else STORED.with_name(f"reference_{family}.json")


@functools.cache
def stored(family: Family = "hybrimoe") -> Stored[Figures]:
    """Return the figures of the built-in cases of a family."""
    return read_reference(file_of(family), "cases", Figures)


_FOUND: dict[str, Figures] = {}
"""Figures found in this process, by digest: an id says which case was meant, not which draw of it."""


def figures_of(case: Case) -> Figures:
    """Return the figures of a case: kept ones where there are, else found now."""
    kept = stored(family_of(case)).figures.get(case.id)
    if kept is not None:
        return kept
    key = digest(case)
    if key not in _FOUND:
        _FOUND[key] = stored(family_of(case)).with_digest(key) or compute(case)
    return _FOUND[key]


def compute(case: Case) -> Figures:
    """Find the figures of a case."""
    if isinstance(case, BitCase):
        return Figures(
            serve_bits(case, bits_foresight.naive).cost_ms, bits_foresight.reference_ms(case), bound(case).cost_ms
        )
    if isinstance(case, AttentionCase):
        gpu_only = serve_attention(case, attention_foresight.naive_place, attention_foresight.naive_of(case.costs))
        return Figures(gpu_only.cost_ms, attention_foresight.reference_ms(case), bound(case).cost_ms)
    naive = serve(case, lambda number, step, layer, engine: Orders([False] * len(step.active[layer])))
    return Figures(naive.cost_ms, serve(case, deciding(case)).cost_ms, bound(case).cost_ms)


def bound(case: Case) -> Served:
    """Return the times that nobody gets below, as if all experts were there."""
    costs, bits = case.costs, 2 if isinstance(case, BitCase) else FULL
    requests = decoding(case) if isinstance(case, AttentionCase) else case.gates().requests
    times: list[list[int]] = [[], []]
    for steps in requests:
        for kind in (0, 1):
            layers = [tokens for step in steps if step.prefill == (kind == 0) for tokens in step.tokens]
            times[kind].append(sum(costs.fixed_us + least_us(costs, tokens, bits) for tokens in layers))
    answers = tuple(sum(not step.prefill for step in steps) for steps in requests)
    return Served(tuple(times[0]), tuple(times[1]), answers, Counts())


def least_us(costs: Costs, tokens: list[int], bits: int = FULL) -> int:
    """Return a lower bound of the time of a layer's experts, however they are split between GPU and CPU.

    Both work all the time, and experts may be cut: those come first that save most of the GPU's time for the CPU's.
    bits: that the CPU's experts have.
    """
    gpu = sum(costs.on_gpu_us(n) for n in tokens)
    cpu = 0
    # Moving an expert saves the GPU's time and costs the CPU's: best first, the last one in part.
    for n in sorted(tokens, key=lambda n: costs.on_cpu_us(n) / costs.on_gpu_us(n)):
        saved, paid = costs.on_gpu_us(n), costs.on_cpu_us(n) * bits // FULL
        if cpu + paid <= gpu - saved:
            gpu, cpu = gpu - saved, cpu + paid
        else:
            part = max(0.0, (gpu - cpu) / (saved + paid))
            return int(gpu - part * saved)
    return max(gpu, cpu)
