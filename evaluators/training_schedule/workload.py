"""What is trained on: mixtures of Gaussians, warped, badly conditioned and in part wrongly labelled.

Ten classes lie in 32 dimensions, whose scales differ by the root of the condition number and are permuted; a sine of
another dimension is added to each. Every run of a case has a mixture, samples and first weights of its own, the same
ones for every program. In the mode `mix` there are four sources in a drawn order, whose classes are moved a little
against each other: a clean one; a noisy one, six tenths of whose labels are drawn anew; a rare one,
which soon repeats itself and has a large share of the test data; and one off the target, moved far, with a small share.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.kept_figures import digest_of
from evaluators.training_schedule.training import CLASSES, CUT, DIM, HIDDEN, WEIGHTS, Info, Task, train
from evolve.evaluator import Instance, Split

Mode = Literal["rate", "mix"]
MODES: tuple[Mode, ...] = ("rate", "mix")

APART = 0.68
"""Standard deviation of the centres of classes in each dimension; that of samples around them is 1."""
WARP = 0.5
NOISE = 0.15
"""Share of labels that are drawn anew from all classes."""
TESTED = 1000
UNIT = 16
"""Samples of a step, in which budgets are given."""
PILOT_STEPS, PILOT_LAST = 40, 10
HIGHEST_RATE = 4.0
TASKS_KEPT = 48
"""Tasks that a process keeps, about a MB each: all runs of train, which a search sees again and again."""


@dataclass(frozen=True)
class Source:
    """size: samples.  test_weight: share of the test data.  noise: of the labels.  moved: how far its centres are."""

    size: int
    test_weight: float
    noise: float = NOISE
    moved: float = 0.0


FOUR = (
    ((0.3, 0.9), (0.25, 0.5), NOISE, 0.3),
    ((0.4, 1.0), (0.15, 0.4), 0.6, 0.3),
    ((0.04, 0.1), (0.2, 0.4), NOISE, 0.3),
    ((0.4, 1.0), (0.02, 0.1), NOISE, 1.2),
)
"""Clean, noisy, rare, off the target: size in budgets and weight from .. to .., noise, moved."""


@dataclass(frozen=True)
class Recipe:
    """How a case is drawn. steps: of 16 samples.  condition: squared ratio of the largest scale and the least."""

    steps: int
    condition: float
    runs: int


def _recipes(runs: int, *sizes: tuple[int, float]) -> tuple[Recipe, ...]:
    return tuple(Recipe(steps, condition, runs) for steps, condition in sizes)


RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: _recipes(8, (200, 30), (300, 100), (300, 300), (150, 100), (400, 200)),
    Split.VALIDATION: _recipes(
        32, (150, 150), (200, 100), (200, 300), (250, 30), (300, 50), (300, 200), (400, 100), (400, 300)
    ),
    Split.TEST: _recipes(
        16, (150, 200), (200, 50), (250, 150), (300, 30), (300, 300), (400, 100), (500, 200), (600, 100)
    ),
}
"""Test goes on to 600 steps, train to 400."""


@dataclass(frozen=True)
class Case(Instance):
    """Some runs that are alike but for chance. key: what their chance depends on."""

    recipe: Recipe
    mode: Mode
    key: str = field(repr=False)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Return the sources, in the order in which programs see them."""
        budget = self.recipe.steps * UNIT
        if self.mode == "rate":
            return (Source(budget, 1.0),)
        rng = stream(f"{self.key}/sources")
        weights = np.array([rng.uniform(*weight) for _, weight, _, _ in FOUR])
        weights = np.round(weights / weights.sum(), 3)
        weights[0] = 1.0 - weights[1:].sum()
        drawn = [
            Source(round(budget * rng.uniform(*size)), float(weight), noise, moved)
            for (size, _, noise, moved), weight in zip(FOUR, weights, strict=True)
        ]
        return tuple(drawn[k] for k in rng.permutation(len(drawn)))

    def task(self, run: int | str) -> Task:
        """Return what a run trains on."""
        return drawn_task(self.sources, self.recipe, f"{self.key}/{run}")

    @cached_property
    def info(self) -> Info:
        """Return what a policy knows before a run."""
        size = [source.size for source in self.sources]
        return Info(
            self.recipe.steps * UNIT,
            stable_rate(self.task("pilot"), size),
            size,
            [source.test_weight for source in self.sources],
        )


def own_case(mode: Mode, split: Split, index: int, attempt: int) -> Case:
    """Return one draw of an own case; the same for the same arguments, in every process."""
    return drawn_case(mode, split, f"{split}/{index}", index, attempt)


def drawn_case(mode: Mode, split: Split, name: str, slot: int, attempt: int) -> Case:
    """Return a case by the recipe of one of a split's own. All chance depends on its name, which is its id."""
    return Case(name, RECIPES[split][slot], mode, f"training_schedule/{mode}/{name}/{attempt}")


def digest(case: Case) -> str:
    """Return a hash of all that a case is: recipe, sources, and the beginning of its first run."""
    recipe, task = case.recipe, case.task(0)
    sources = [(source.size, source.test_weight, source.noise, source.moved) for source in case.sources]
    return digest_of(
        [
            (recipe.steps, recipe.condition, recipe.runs),
            sources,
            [np.round(x[:4], 6).tolist() for x in task.x],
            [y.tolist() for y in task.y],
            task.chance[:4].tolist(),
        ]
    )


def stable_rate(task: Task, mix: list[int]) -> float:
    """Return the largest of the rates 4, 2.8, 2, ... with which 40 steps of 16 samples do better than guessing.

    mix: weight of each source. As a range test does: what is said of a rate says nothing of how to change it.
    """
    short = replace(task, chance=task.chance[: PILOT_STEPS * UNIT])
    rate = HIGHEST_RATE
    while rate > 1e-6:
        course = train(short, rate, lambda _, rate=rate: (rate, UNIT, mix))
        if len(course.losses) == PILOT_STEPS and np.mean(course.losses[-PILOT_LAST:]) < np.log(CLASSES):
            return rate
        rate /= 2**0.5
    raise ValueError("no rate is stable")


@lru_cache(maxsize=TASKS_KEPT)
def drawn_task(sources: tuple[Source, ...], recipe: Recipe, key: str) -> Task:
    """Draw a mixture, its samples and first weights (He et al. 2015, biases of 0)."""
    rng = stream(key)
    scale = rng.permutation(recipe.condition ** -np.linspace(0.0, 0.5, DIM))
    scale /= np.sqrt((scale**2).mean())
    fold = rng.permutation(DIM)
    base = rng.normal(size=(CLASSES, DIM))
    centres = [APART * (base + source.moved * rng.normal(size=base.shape)) for source in sources]

    def sample(source: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(0, CLASSES, count)
        plain = scale * (centres[source][y] + rng.normal(size=(count, DIM)))
        x = np.ones((count, DIM + 1))
        x[:, :DIM] = plain + WARP * np.sin(2.0 * plain[:, fold])
        return x, y

    xs, ys = [], []
    for number, source in enumerate(sources):
        x, y = sample(number, source.size)
        wrong = rng.random(source.size) < source.noise
        xs.append(x)
        ys.append(np.where(wrong, rng.integers(0, CLASSES, source.size), y))
    shares = np.array([source.test_weight for source in sources])
    counts = np.diff(np.round(TESTED * np.cumsum([0.0, *shares])).astype(int)).tolist()
    tests = [sample(number, count) for number, count in enumerate(counts)]
    weights = np.zeros(WEIGHTS)
    weights[: DIM * HIDDEN] = rng.normal(0.0, (2.0 / DIM) ** 0.5, DIM * HIDDEN)
    weights[CUT : CUT + HIDDEN * CLASSES] = rng.normal(0.0, (1.0 / HIDDEN) ** 0.5, HIDDEN * CLASSES)
    return Task(
        tuple(xs),
        tuple(ys),
        rng.random(recipe.steps * UNIT),
        np.concatenate([x for x, _ in tests]),
        np.concatenate([y for _, y in tests]),
        np.repeat(np.arange(len(sources)), counts),
        weights,
    )
