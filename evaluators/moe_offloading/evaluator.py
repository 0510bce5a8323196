"""The verifier of moe_offloading: it keeps the cache, the link and both processors itself, as the policy orders."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from evaluators.fresh_draws import drawn_afresh
from evaluators.moe_offloading.feedback import explain
from evaluators.moe_offloading.figures import figures_of, stored, worth_drawing
from evaluators.moe_offloading.serving import asking, model_of, serve
from evaluators.moe_offloading.workload import RECIPES, Case, drawn_case, own_case
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Split, UsageError, relative_score


class MoeOffloading(Evaluator):
    """Say where each expert is computed and which are loaded, so that tokens come fast from a GPU that is too small."""

    name = "moe_offloading"
    summary = "Which experts of a mixture to keep on a small GPU, to load ahead, or to leave to the CPU"
    defines = ("Policy",)
    limits = Limits(cpu_s=8.0, memory_mb=512, counter=True)

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the cases of a split; what tokens ask for is drawn when a case is evaluated."""
        if split is Split.PUBLIC:
            raise UsageError("moe_offloading: there is no public trace of gates; leave --split public out.")
        return _own(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw cases that nobody has seen, by the recipes of a split."""
        draw = functools.partial(drawn_case, split)
        slots = range(len(RECIPES[split]))
        return drawn_afresh(split, seed, count, slots, draw, lambda case: worth_drawing(case, figures_of(case)))

    def kind_of(self, instance: Instance) -> str:
        """Return which model it is."""
        assert isinstance(instance, Case)
        return instance.recipe.model

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Serve the requests of a case as a program orders, and score the time of their tokens."""
        assert isinstance(instance, Case)
        costs = instance.costs
        policy = candidate.new("Policy", model_of(costs, instance.gates()))
        served = serve(instance, asking(instance, functools.partial(policy.call, "layer")))
        figures, counts = figures_of(instance), served.counts
        score = relative_score(figures.naive, figures.reference, served.cost_ms) if figures.tells else None
        total_us = sum(served.prefill_us) + sum(served.decode_us)
        metrics = {
            "cost_ms": served.cost_ms,
            "naive_ms": figures.naive,
            "reference_ms": figures.reference,
            "bound_ms": figures.bound,
            "tokens_s": served.tokens_s,
            "ttft_s": sum(served.prefill_us) / len(served.prefill_us) / 1e6,
            "hit_rate": counts.hits / counts.needed,
            "cpu_share": counts.on_cpu / counts.needed,
            "link_gb": (counts.on_demand + counts.prefetched) * costs.expert_mb / 1000,
            "gpu_waits_share": counts.waited_us / total_us,
        }
        return Outcome(score, metrics, explain(instance, served, figures))


@functools.cache
def _own(split: Split) -> tuple[Case, ...]:
    return tuple(own_case(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
