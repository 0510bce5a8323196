"""The verifier of moe_offloading: it keeps the cache, the link and both processors itself, as the policy orders."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.moe_offloading.attention import asking_layer, asking_place, attention_model_of, serve_attention
from evaluators.moe_offloading.bits_serving import asking_bits, bit_model_of, serve_bits
from evaluators.moe_offloading.feedback import explain
from evaluators.moe_offloading.figures import figures_of, stored, worth_drawing
from evaluators.moe_offloading.serving import Served, asking, model_of, serve
from evaluators.moe_offloading.workload import (
    FAMILIES,
    AttentionCase,
    BitCase,
    Case,
    Family,
    drawn_case,
    family_of,
    own_case,
)
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Split, UsageError, mean, relative_score

CLASSES: dict[Family, str] = {"hybrimoe": "Policy", "d2moe": "BitPolicy", "apex": "AttentionPolicy"}


class MoeOffloadingOptions(BaseModel):
    """Options of moe_offloading, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family = Field(
        "hybrimoe",
        description="'hybrimoe': where experts are; 'd2moe': also with how many bits, and a program defines BitPolicy "
        "instead of Policy; 'apex': also which sequences' attention the CPU computes, and it defines AttentionPolicy",
    )


class MoeOffloading(Evaluator):
    """Say where each expert is computed and which are loaded, so that tokens come fast from a GPU that is too small."""

    name = "moe_offloading"
    summary = "Which experts of a mixture to keep on a small GPU, to load ahead, or to leave to the CPU"
    defines = ("Policy",)
    limits = Limits(cpu_s=8.0, memory_mb=512, counter=True)
    Options = MoeOffloadingOptions
    options: MoeOffloadingOptions

    def __init__(self, options: BaseModel | None = None) -> None:
        super().__init__(options)
        if self.options.family != "hybrimoe":
            self.defines, self.seed_variant = (CLASSES[self.options.family],), self.options.family

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the cases of a split; what tokens ask for is drawn when a case is evaluated."""
        if split is Split.PUBLIC:
            raise UsageError("moe_offloading: there is no public trace of gates; leave --split public out.")
        return _own(self.options.family, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw cases that nobody has seen, by the recipes of a split."""
        draw = functools.partial(drawn_case, split, family=self.options.family)
        slots = range(len(FAMILIES[self.options.family][split]))
        return drawn_afresh(split, seed, count, slots, draw, lambda case: worth_drawing(case, figures_of(case)))

    def kind_of(self, instance: Instance) -> str:
        """Return which model it is."""
        assert isinstance(instance, Case)
        return instance.recipe.model

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Serve the requests of a case as a program orders, and score the time of their tokens."""
        assert isinstance(instance, Case)
        served, more = played(candidate, instance)
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
            "link_gb": (counts.on_demand + counts.prefetched) * instance.costs.expert_mb / 1000,
            "gpu_waits_share": counts.waited_us / total_us,
        }
        return Outcome(score, metrics | more, explain(instance, served, figures))


def played(candidate: Candidate, case: Case) -> tuple[Served, dict[str, float]]:
    """Serve a case as a program orders. Returns what its family has in figures of its own, too."""
    name = CLASSES[family_of(case)]
    if isinstance(case, BitCase):
        policy = candidate.new(name, bit_model_of(case))
        served = serve_bits(case, asking_bits(case, functools.partial(policy.call, "layer")))
        return served, {"mean_bits": mean(served.bits), "link_gb": served.gb}
    if isinstance(case, AttentionCase):
        policy = candidate.new(name, attention_model_of(case))
        place = asking_place(functools.partial(policy.call, "place"))
        attended = serve_attention(case, place, asking_layer(case, functools.partial(policy.call, "layer")))
        share = attended.cpu_tokens / attended.all_tokens
        return attended, {"cpu_attention_share": share, "mean_room": attended.room}
    policy = candidate.new(name, model_of(case.costs, case.gates()))
    return serve(case, asking(case, functools.partial(policy.call, "layer"))), {}


@functools.cache
def _own(family: Family, split: Split) -> tuple[Case, ...]:
    attempts = stored(family).attempts[split]
    return tuple(own_case(split, index, attempt, family) for index, attempt in enumerate(attempts))
