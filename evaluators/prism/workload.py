"""The instances: how many GPUs there are, and which models want a place on them.

Two kinds. `published`: the public benchmark's recipe with other seeds, a few GPUs and two models to each. `fleet`: a
serving fleet, 10 to 60 GPUs and up to 300 models, with the sizes of open models in 4 to 16 bit and rates that follow a
Zipf law: few models are asked often, most hardly ever.
An own instance is (split, index, attempt): one on which the naive placement cannot be told from the reference, or
leaves a GPU so full that any other placement looks perfect, is drawn again (`reference.py`), and reference.json keeps
how often. Sizes of test are those of train, but for 6 and 7 GPUs; it is shifted on purpose by two hundredths of memory
in use and a Zipf exponent of up to 1.3 (train 1.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.prism.pressure import GPU_GB, Model
from evolve.evaluator import Instance, Split

SIZES_GB = (2.5, 3.25, 6.5, 8.0, 13.5, 16.0, 18.5, 26.0, 29.5)
"""Weights of open models: 1B, 3B in 8 and 16 bit, 8B in 8 bit, 7B, 8B, 32B in 4 bit, 13B, 14B."""
SIZE_SHARES = (0.2, 0.1, 0.15, 0.15, 0.15, 0.15, 0.04, 0.03, 0.03)
"""How common they are in a fleet."""
LARGE_SHARES = (0.1, 0.05, 0.1, 0.15, 0.15, 0.2, 0.1, 0.05, 0.1)
"""The same for the fleets of test, with more of the large ones."""


@dataclass(frozen=True)
class Case(Instance):
    """One placement to decide. models: in the order in which the candidate sees them."""

    num_gpus: int
    models: tuple[Model, ...] = field(repr=False)


@dataclass(frozen=True)
class Recipe:
    """How the cases of one kind are drawn.

    Attributes:
        kind: "published" draws whole numbers as the public benchmark does; "fleet" real sizes and Zipf rates.
        gpus: range of the number of GPUs, both ends included.
        models_per_gpu: range of the models per GPU, on average over the GPUs.
        slo_s: range of the latency objectives, s, both ends included.
        exponent: range of the Zipf exponent of the rates (fleet).
        requests_per_s: rate of an average model (fleet).
        shares: how common the SIZES_GB are (fleet).
        hottest: a model with more demand than this share of a GPU's mean is served by several replicas (fleet).
        most_used: a case whose weights fill more than this share of all memory is drawn again (fleet).
        sorted_by_rate: whether the models come with the rarest first, as a registry that lists them by age would.
    """

    kind: Literal["published", "fleet"]
    gpus: tuple[int, int] = (5, 9)
    models_per_gpu: tuple[float, float] = (2.0, 2.0)
    slo_s: tuple[int, int] = (5, 9)
    exponent: tuple[float, float] = (0.6, 1.0)
    requests_per_s: float = 4.0
    shares: tuple[float, ...] = SIZE_SHARES
    hottest: float = 0.6
    most_used: float = 0.65
    sorted_by_rate: bool = False


RECIPES: dict[Split, tuple[Recipe, ...]] = {
    # Cases of the public sizes (5 to 9 GPUs, two models to each) are not among them: every good program solves them.
    Split.TRAIN: (
        *[Recipe("published", (8, 14), (2.6, 3.3), slo_s=(2, 20))] * 4,
        *[Recipe("fleet", (10, 24), (3.0, 5.0))] * 2,
        *[Recipe("fleet", (24, 40), (4.0, 6.0), slo_s=(2, 15), exponent=(0.6, 1.2), hottest=0.8)] * 3,
        *[Recipe("fleet", (12, 30), (3.5, 5.0), slo_s=(1, 20), shares=LARGE_SHARES, most_used=0.7)] * 3,
        Recipe("fleet", (16, 32), (3.0, 5.0), sorted_by_rate=True),
        Recipe("fleet", (50, 60), (5.0, 6.0), slo_s=(3, 12)),
    ),
    Split.VALIDATION: (
        *[Recipe("published", (6, 14), (2.5, 3.2), slo_s=(3, 15))] * 8,
        *[Recipe("fleet", (8, 24), (3.0, 5.5), exponent=(0.5, 1.1))] * 8,
        *[Recipe("fleet", (14, 30), (3.5, 5.0), slo_s=(1, 20), shares=LARGE_SHARES, most_used=0.68)] * 6,
        *[Recipe("fleet", (20, 40), (4.0, 6.0), exponent=(0.8, 1.2), hottest=0.8)] * 4,
        *[Recipe("fleet", (30, 50), (4.0, 6.0), slo_s=(3, 12), exponent=(0.5, 1.1))] * 2,
    ),
    # Fuller GPUs and steeper popularity than those of train, more often an order that is no accident.
    Split.TEST: (
        *[Recipe("published", (6, 12), (2.4, 3.4), slo_s=(2, 20))] * 6,
        *[Recipe("fleet", (12, 30), (3.5, 5.0), slo_s=(1, 20), shares=LARGE_SHARES, most_used=0.72)] * 4,
        *[Recipe("fleet", (20, 40), (4.0, 6.0), slo_s=(2, 15), exponent=(0.9, 1.3), hottest=0.85, most_used=0.7)] * 3,
        *[Recipe("fleet", (16, 32), (3.0, 5.0), shares=LARGE_SHARES, most_used=0.7, sorted_by_rate=True)] * 3,
        *[Recipe("fleet", (50, 60), (5.0, 6.0), slo_s=(3, 12), exponent=(0.8, 1.1), most_used=0.7)] * 2,
    ),
}


def own_case(split: Split, index: int, attempt: int) -> Case:
    """Return an instance of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_case(split, f"{split.value}/{index}", index, attempt)


def drawn_case(split: Split, name: str, index: int, attempt: int) -> Case:
    """Draw a case as that of a split with an index is drawn; the same for the same arguments, in every process.

    name: what chance depends on. A program is shown all of a case: there is nothing hidden to be kept apart.
    """
    recipe = RECIPES[split][index]
    rng = stream(f"prism/{name}/{attempt}")
    while True:
        num_gpus = int(rng.integers(recipe.gpus[0], recipe.gpus[1] + 1))
        count = round(num_gpus * rng.uniform(*recipe.models_per_gpu))
        models = _published(rng, recipe, count) if recipe.kind == "published" else _fleet(rng, recipe, num_gpus, count)
        most_used = recipe.most_used if recipe.kind == "fleet" else 1.0
        if sum(model.size_gb for model in models) <= most_used * GPU_GB * num_gpus:
            return Case(name, num_gpus, models)


def _published(rng: np.random.Generator, recipe: Recipe, count: int) -> tuple[Model, ...]:
    """Draw whole numbers: sizes 10-29 GB, rates 1-9 requests/s."""
    return tuple(
        Model(
            float(rng.integers(10, 30)),
            float(rng.integers(1, 10)),
            float(rng.integers(recipe.slo_s[0], recipe.slo_s[1] + 1)),
        )
        for _ in range(count)
    )


def _fleet(rng: np.random.Generator, recipe: Recipe, num_gpus: int, count: int) -> tuple[Model, ...]:
    """Draw open models whose rates follow a Zipf law, blurred by a factor of about 1.5, independent of their sizes.

    A hot model is replaced by the replicas that share its requests, so that placing it alone is not all there is to do.
    """
    sizes = rng.choice(SIZES_GB, size=count, p=recipe.shares)
    rates = np.arange(1, count + 1) ** -rng.uniform(*recipe.exponent) * rng.lognormal(0.0, 0.4, count)
    rates *= recipe.requests_per_s * count / rates.sum()
    slos = rng.integers(recipe.slo_s[0], recipe.slo_s[1] + 1, size=count)
    demand = rates / slos
    replicas = np.ceil(demand / (recipe.hottest * demand.sum() / num_gpus)).astype(np.int64)
    sizes, slos, rates = (np.repeat(column, replicas) for column in (sizes, slos, rates / replicas))
    rates = np.maximum(np.round(rates, 2), 0.01)
    order = np.argsort(rates, kind="stable") if recipe.sorted_by_rate else rng.permutation(rates.size)
    return tuple(Model(float(sizes[i]), float(rates[i]), float(slos[i])) for i in order)
