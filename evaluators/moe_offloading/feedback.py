"""What would help a person: how far from the reference, what layers wait for, and what loads were for nothing."""

from __future__ import annotations

from evaluators.moe_offloading.attention import AttentionServed
from evaluators.moe_offloading.bits_serving import LEAST_MEAN_BITS, BitsServed
from evaluators.moe_offloading.figures import Figures
from evaluators.moe_offloading.serving import Served
from evaluators.moe_offloading.workload import Case

MOST_LETTERS = 500


def explain(case: Case, served: Served, figures: Figures) -> str:
    """Return one line of at most 500 characters."""
    counts, costs = served.counts, case.costs
    share = 100 / max(1, counts.needed)
    wait_us, layer, missing, on_cpu = counts.worst_wait
    attended = served if isinstance(served, AttentionServed) else None
    room = costs.capacity if attended is None else round(attended.room)
    prefill = " with 1/20 of the prefill" if attended is None else ""
    facts = [
        f"{case.recipe.model}, room for {room} of {costs.layers * costs.experts} experts"
        f"{' of 4 bits' if isinstance(served, BitsServed) else ''}: "
        f"{served.cost_ms:.1f} ms a token{prefill} (naive {figures.naive:.1f}, reference, "
        f"with foresight, {figures.reference:.1f}); decode {served.tokens_s:.1f} tokens/s"
        + (f", prefill {sum(served.prefill_us) / 1e3:.0f} ms" if attended is None else ""),
    ]
    if attended is not None:
        part = 100 * attended.cpu_tokens / attended.all_tokens
        facts.append(f"the CPU computed {part:.0f} % of the attention, by tokens of KV")
    if isinstance(served, BitsServed):
        facts.append(f"mean bits {', '.join(f'{bits:.2f}' for bits in served.bits)} (at least {LEAST_MEAN_BITS})")
    facts += [
        f"of all experts needed {share * counts.hits:.0f} % were on the GPU, {share * counts.on_demand:.0f} % were "
        f"loaded when needed, {share * counts.on_cpu:.0f} % went to the CPU",
        f"the GPU waited {counts.waited_us / 1e3:.0f} ms, most in layer {layer}: {wait_us / 1e3:.1f} ms with {missing} "
        f"experts to load and {on_cpu} on the CPU",
    ]
    if counts.prefetched:
        facts.append(f"{counts.unused} of {counts.prefetched} prefetched experts went before they were used")
    return ("; ".join(facts) + ".")[:MOST_LETTERS]
