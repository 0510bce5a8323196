"""Models, machines and requests, drawn at random: see gates.py for what tokens ask of the experts.

Constants of an expert with 4 bits: time of the link, of the GPU, of the CPU with its memory; HybriMoE's table for
DeepSeek-V2-Lite, Fiddler's for Mixtral. Test: half as fast a link or CPU, and room for fewer experts.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from evaluators.kept_figures import digest_of
from evaluators.moe_offloading.engine import Costs
from evaluators.moe_offloading.gates import Gates, Shape, draw
from evolve.evaluator import Instance, Split

FEW, MANY = (0.17, 0.375, 0.63), (0.135, 0.29, 0.47)
"""Noise with which 90, 80 and 70 % of the top k are found: of 8 experts, of 64."""
SHAPES = {
    "mixtral": Shape(32, 8, 2, 0.2, 0.3, FEW),
    "deepseek-v2-lite": Shape(26, 64, 6, 0.3, 0.45, MANY),
    "qwen2-57b": Shape(28, 64, 8, 0.3, 0.45, MANY),
    "olmoe": Shape(16, 64, 8, 0.3, 0.45, MANY),
}
TIMES = {
    "mixtral": (600, 250, 0, 2200, 4200, 99.0),
    "deepseek-v2-lite": (350, 60, 300, 50, 418, 4.9),
    "qwen2-57b": (450, 100, 400, 150, 650, 15.5),
    "olmoe": (250, 50, 200, 40, 300, 3.5),
}
"""fixed, GPU, CPU once and per token, link, all us; MB of an expert."""

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
    return digest_of((case.recipe, case.seed, SHAPES[case.recipe.model], case.costs))


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


def own_case(split: Split, index: int, attempt: int) -> Case:
    """Return one draw of an own case; the same for the same arguments, in every process."""
    return drawn_case(split, f"{split}/{index}", index, attempt)


def drawn_case(split: Split, name: str, index: int, attempt: int) -> Case:
    """Draw a case as that of a split with an index is drawn. name: its id, what chance depends on."""
    return Case(name, RECIPES[split][index], f"moe_offloading/{name}/{attempt}")
