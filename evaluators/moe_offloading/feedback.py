"""What would help a person: how far from the reference, what layers wait for, and what loads were for nothing."""

from __future__ import annotations

from evaluators.moe_offloading.figures import Figures
from evaluators.moe_offloading.serving import Served
from evaluators.moe_offloading.workload import Case

MOST_LETTERS = 500


def explain(case: Case, served: Served, figures: Figures) -> str:
    """Return one line of at most 500 characters."""
    counts, costs = served.counts, case.costs
    share = 100 / max(1, counts.needed)
    wait_us, layer, missing, on_cpu = counts.worst_wait
    facts = [
        f"{case.recipe.model}, room for {costs.capacity} of {costs.layers * costs.experts} experts: "
        f"{served.cost_ms:.1f} ms a token with 1/20 of the prefill (naive {figures.naive:.1f}, reference, "
        f"with foresight, {figures.reference:.1f}); decode {served.tokens_s:.1f} tokens/s, "
        f"prefill {sum(served.prefill_us) / 1e3:.0f} ms",
        f"of all experts needed {share * counts.hits:.0f} % were on the GPU, {share * counts.on_demand:.0f} % were "
        f"loaded when needed, {share * counts.on_cpu:.0f} % went to the CPU",
        f"the GPU waited {counts.waited_us / 1e3:.0f} ms, most in layer {layer}: {wait_us / 1e3:.1f} ms with {missing} "
        f"experts to load and {on_cpu} on the CPU",
    ]
    if counts.prefetched:
        facts.append(f"{counts.unused} of {counts.prefetched} prefetched experts went before they were used")
    return ("; ".join(facts) + ".")[:MOST_LETTERS]
