"""Models, machines and requests, drawn at random: see gates.py for what tokens ask of the experts.

Constants of an expert with 4 bits: time of the link, of the GPU, of the CPU with its memory; HybriMoE's table for
DeepSeek-V2-Lite, Fiddler's for Mixtral. Test: half as fast a link or CPU, and room for fewer experts.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluators.kept_figures import digest_of
from evaluators.moe_offloading.engine import Costs
from evaluators.moe_offloading.gates import Gates, Shape, draw, stream
from evolve.evaluator import Instance, Split

FEW, MANY = (0.17, 0.375, 0.63), (0.135, 0.29, 0.47)
"""Noise with which 90, 80 and 70 % of the top k are found: of 8 experts, of 64."""
SHAPES = {
    "mixtral": Shape(32, 8, 2, 0.2, 0.3, FEW),
    "deepseek-v2-lite": Shape(26, 64, 6, 0.3, 0.45, MANY),
    "qwen2-57b": Shape(28, 64, 8, 0.3, 0.45, MANY),
    "olmoe": Shape(16, 64, 8, 0.3, 0.45, MANY),
}
SPREAD = 0.7
"""Of the logarithm of contexts in a batch, as of prompts of the public traces of conversations."""
TIMES = {
    "mixtral": (600, 250, 0, 2200, 4200, 99.0),
    "deepseek-v2-lite": (350, 60, 300, 50, 418, 4.9),
    "qwen2-57b": (450, 100, 400, 150, 650, 15.5),
    "olmoe": (250, 50, 200, 40, 300, 3.5),
}
"""fixed, GPU, CPU once and per token, link, all us; MB of an expert."""

KV_BYTES = {"mixtral": 4096, "deepseek-v2-lite": 1152, "qwen2-57b": 2048, "olmoe": 8192}
"""Of a token in a layer: 2 * heads of KV * 128 * 2; of DeepSeek, which compresses them, 576 * 2."""
Family = Literal["hybrimoe", "d2moe", "apex"]
"""What is decided beside where experts are: nothing, with how many bits, or where attention is computed."""
Requests = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Recipe:
    """How a case is drawn. room: share of the experts that the GPU has room for.

    requests: (tokens of the prompts, of each answer, sequences).  link, cpu: how many times as slow.
    """

    model: str
    room: float
    requests: Requests
    link: int = 1
    cpu: int = 1


@dataclass(frozen=True)
class Case(Instance):
    """Requests to a model, one after the other. seed: what chance depends on."""

    recipe: Recipe
    seed: str

    @property
    def costs(self) -> Costs:
        """Return what things take on the machine."""
        return costs_of(self.recipe)

    def gates(self) -> Gates:
        """Draw what the tokens ask for; kept while it is the last one."""
        return _gates(self.seed, SHAPES[self.recipe.model], self.recipe.requests)


@dataclass(frozen=True)
class BitCase(Case):
    """The same, and experts have 2, 4 or 8 bits."""


@dataclass(frozen=True)
class AttentionRecipe(Recipe):
    """How a case of apex is drawn. room: beside the KV of all sequences.  context: tokens of one before, the median."""

    context: int = 0


@dataclass(frozen=True)
class AttentionCase(Case):
    """Batches that have long contexts already; their prompts are not computed here."""

    @property
    def contexts(self) -> list[list[int]]:
        """Return the tokens of each sequence before its first pass, per request."""
        assert isinstance(self.recipe, AttentionRecipe)
        rng = stream(f"{self.seed}/contexts")
        # Rounded: numpy's exp has other last digits on other processors.
        return [
            [
                10 * max(6, round(self.recipe.context * float(np.exp(SPREAD * z)) / 10))
                for z in rng.standard_normal(batch)
            ]
            for _, _, batch in self.recipe.requests
        ]


@functools.lru_cache(maxsize=2)
def _gates(seed: str, shape: Shape, requests: Requests) -> Gates:
    return draw(seed, shape, requests)


def costs_of(recipe: Recipe) -> Costs:
    """Return what things take for a recipe."""
    shape = SHAPES[recipe.model]
    fixed, gpu, base, token, load, size_mb = TIMES[recipe.model]
    return Costs(
        shape.layers,
        shape.experts,
        shape.top_k,
        fixed,
        gpu,
        base * recipe.cpu,
        token * recipe.cpu,
        load * recipe.link,
        size_mb,
        round(recipe.room * shape.layers * shape.experts),
    )


def digest(case: Case) -> str:
    """Return a hash of all that is asked, but not of the instance's name."""
    facts: tuple[object, ...] = (case.recipe, case.seed, SHAPES[case.recipe.model], case.costs)
    return digest_of((*facts, case.contexts, KV_BYTES[case.recipe.model]) if isinstance(case, AttentionCase) else facts)


M, D, Q, O = "mixtral", "deepseek-v2-lite", "qwen2-57b", "olmoe"  # noqa: E741
RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        Recipe(M, 0.25, ((128, 40, 1), (64, 30, 1))),
        Recipe(M, 0.5, ((256, 60, 2),)),
        Recipe(D, 0.25, ((128, 60, 1),)),
        Recipe(D, 0.5, ((256, 60, 4),)),
        Recipe(Q, 0.3, ((128, 50, 1),)),
        Recipe(O, 0.25, ((64, 50, 1), (256, 40, 2))),
    ),
    Split.VALIDATION: (
        Recipe(M, 0.3, ((256, 50, 1),)),
        Recipe(M, 0.4, ((64, 30, 1), (128, 40, 4))),
        Recipe(M, 0.25, ((512, 50, 2),)),
        Recipe(D, 0.3, ((64, 60, 1),)),
        Recipe(D, 0.4, ((512, 50, 2),)),
        Recipe(D, 0.25, ((128, 50, 8),)),
        Recipe(Q, 0.25, ((256, 50, 2),)),
        Recipe(Q, 0.5, ((128, 40, 4),)),
        Recipe(Q, 0.35, ((512, 40, 1),)),
        Recipe(O, 0.3, ((128, 50, 1), (64, 50, 1))),
        Recipe(O, 0.5, ((256, 80, 4),)),
        Recipe(O, 0.4, ((512, 80, 1),)),
    ),
    # A link or a CPU that is half as fast; less room.
    Split.TEST: (
        Recipe(M, 0.2, ((128, 60, 1),)),
        Recipe(M, 0.25, ((128, 50, 2),), link=2),
        Recipe(M, 0.4, ((256, 50, 1),), cpu=2),
        Recipe(D, 0.125, ((128, 60, 1),)),
        Recipe(D, 0.25, ((256, 50, 2),), link=2),
        Recipe(D, 0.4, ((64, 50, 4),), cpu=2),
        Recipe(Q, 0.2, ((128, 50, 1),), link=2),
        Recipe(Q, 0.3, ((256, 40, 4),), cpu=2),
        Recipe(O, 0.15, ((128, 80, 1),)),
        Recipe(O, 0.3, ((512, 70, 2),), link=2, cpu=2),
    ),
}


BIT_RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        Recipe(M, 0.25, ((64, 40, 1),)),
        Recipe(M, 0.4, ((128, 30, 2),)),
        Recipe(D, 0.25, ((128, 40, 1),)),
        Recipe(Q, 0.3, ((64, 40, 2),)),
        Recipe(O, 0.25, ((64, 40, 1), (128, 30, 2))),
    ),
    Split.VALIDATION: (
        Recipe(M, 0.3, ((128, 50, 1),)),
        Recipe(M, 0.25, ((64, 40, 4),)),
        Recipe(D, 0.3, ((64, 50, 1),)),
        Recipe(D, 0.4, ((256, 40, 4),)),
        Recipe(Q, 0.25, ((256, 40, 1),)),
        Recipe(Q, 0.4, ((64, 40, 2),)),
        Recipe(O, 0.3, ((128, 40, 1), (64, 40, 1))),
        Recipe(O, 0.4, ((256, 60, 4),)),
    ),
    Split.TEST: (
        Recipe(M, 0.2, ((128, 50, 1),)),
        Recipe(M, 0.3, ((64, 40, 2),), link=2),
        Recipe(M, 0.4, ((128, 40, 1),), cpu=2),
        Recipe(D, 0.15, ((128, 50, 1),)),
        Recipe(D, 0.3, ((64, 40, 2),), link=2),
        Recipe(Q, 0.3, ((128, 40, 2),), cpu=2),
        Recipe(O, 0.2, ((128, 60, 1),)),
        Recipe(O, 0.3, ((256, 50, 2),), link=2, cpu=2),
    ),
}
ATTENTION_RECIPES: dict[Split, tuple[AttentionRecipe, ...]] = {
    Split.TRAIN: (
        AttentionRecipe(M, 0.25, ((8, 40, 8),), context=2000),
        AttentionRecipe(M, 0.4, ((4, 40, 4),), context=12000),
        AttentionRecipe(D, 0.3, ((8, 40, 8),), context=12000),
        AttentionRecipe(Q, 0.2, ((4, 40, 4),), context=6000),
        AttentionRecipe(O, 0.3, ((4, 40, 4), (8, 40, 8)), context=2500),
    ),
    Split.VALIDATION: (
        AttentionRecipe(M, 0.3, ((8, 40, 8),), context=4000),
        AttentionRecipe(M, 0.3, ((2, 50, 2),), context=16000),
        AttentionRecipe(D, 0.4, ((4, 50, 4),), context=24000),
        AttentionRecipe(D, 0.15, ((8, 40, 8),), context=3000),
        AttentionRecipe(Q, 0.3, ((8, 30, 8),), context=4000),
        AttentionRecipe(Q, 0.25, ((2, 50, 2),), context=24000),
        AttentionRecipe(O, 0.3, ((8, 60, 8),), context=3000),
        AttentionRecipe(O, 0.15, ((4, 60, 4),), context=500),
    ),
    Split.TEST: (
        AttentionRecipe(M, 0.15, ((4, 50, 4),), context=4000),
        AttentionRecipe(M, 0.3, ((8, 40, 8),), link=2, context=2000),
        AttentionRecipe(M, 0.3, ((4, 40, 4),), cpu=2, context=4000),
        AttentionRecipe(D, 0.3, ((4, 50, 4),), context=24000),
        AttentionRecipe(D, 0.25, ((8, 40, 8),), link=2, context=3000),
        AttentionRecipe(Q, 0.2, ((4, 40, 4),), cpu=2, context=6000),
        AttentionRecipe(O, 0.15, ((4, 60, 4),), context=2000),
        AttentionRecipe(O, 0.25, ((8, 50, 8),), link=2, cpu=2, context=1000),
    ),
}
FAMILIES: dict[Family, dict[Split, tuple[Recipe, ...]]] = {
    "hybrimoe": RECIPES,
    "d2moe": BIT_RECIPES,
    "apex": {split: (*recipes,) for split, recipes in ATTENTION_RECIPES.items()},
}


def family_of(case: Case) -> Family:
    """Return which family a case is of."""
    return "d2moe" if isinstance(case, BitCase) else "apex" if isinstance(case, AttentionCase) else "hybrimoe"


def own_case(split: Split, index: int, attempt: int, family: Family = "hybrimoe") -> Case:
    """Return one draw of an own case; the same for the same arguments, in every process."""
    return drawn_case(split, f"{split}/{index}", index, attempt, family)


def drawn_case(split: Split, name: str, index: int, attempt: int, family: Family = "hybrimoe") -> Case:
    """Draw a case as that of a split with an index is drawn. name: its id, what chance depends on."""
    recipe = FAMILIES[family][split][index]
    if family == "hybrimoe":
        return Case(name, recipe, f"moe_offloading/{name}/{attempt}")
    kind = BitCase if family == "d2moe" else AttentionCase
    return kind(name, recipe, f"moe_offloading/{family}/{name}/{attempt}")
