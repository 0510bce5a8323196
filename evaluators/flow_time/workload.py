"""The cases: what the jobs of a machine are like, and how they come.

Families (a job has 1 to `ops` operations, each count alike, unless it says otherwise; a mean operation is 1000 ticks):
`exponential`; `bimodal`, one operation in ten 20 times as long; `pareto` and `weibull`, where the work of a job has a
heavy tail (bounded Pareto 1.1 over four decades; Weibull of shape 1/4) and is split at random (Dirichlet 1/2);
`rising`, each operation half as long again as the last on average; `trap`: 15 % of the jobs have operations
.05 * 1.5^i for i < ops and then one of 8, the others one of .6: who always runs what is short now gets ever deeper into
long jobs.
`tests`: a test of fixed length, then a body that it reveals.
Arrivals are Poisson, alone or in bunches, or with bursts: load 1.5 for a tenth of the time.
Every job has a stream of chance of its own, so that those that have come tell nothing of those that will.

Loads, numbers of operations and machines of test are within those of train. Shifted on purpose: traps and larger
bunches are in test only, since who follows what was short so far is to be found out there and not to learn the trap.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from evaluators.flow_time.machine import MEAN_OP_TICKS, Case, Job, Kind, Machines
from evolve.evaluator import Split

Family: TypeAlias = Literal["exponential", "bimodal", "pareto", "weibull", "rising", "trap"]

PARETO_SHAPE, PARETO_MOST = 1.1, 1e4
WEIBULL_SHAPE = 0.25
BIMODAL_SHARE, BIMODAL_TIMES = 0.1, 20.0
RISE = 1.5
TRAP_SHARE, TRAP_FIRST, TRAP_LAST, TRAP_OTHERS = 0.15, 0.05, 8.0, 0.6
TEST_LENGTH = 0.3
"""Of a test, in means of a body."""

BURST_LOAD, BURST_SHARE, BURST_PERIOD = 1.5, 0.1, 60.0
"""Load in a burst, share of the time, and mean jobs' work from the start of one burst to that of the next."""


@dataclass(frozen=True)
class Recipe:
    """How the jobs of a case are drawn.

    Attributes:
        family: what their operations are like.
        ops: the most operations of a job.
        load: share of the time that a machine is busy.
        bunch: jobs that come together on average.
        bursts: whether they come in bursts.
        machines, jobs: how many machines, and jobs on each.
        error: of the estimates.
    """

    family: Family
    ops: int = 6
    load: float = 0.9
    bunch: float = 1.0
    bursts: bool = False
    machines: int = 8
    jobs: int = 125
    error: float = 3.0


Recipes: TypeAlias = dict[Split, tuple[Recipe, ...]]

CHAINS: Recipes = {
    Split.TRAIN: (
        Recipe("exponential", 4),
        Recipe("exponential", 8, 0.8),
        Recipe("exponential", 16, 0.95),
        Recipe("bimodal", 6),
        Recipe("bimodal", 3, 0.8),
        Recipe("pareto", 10, 0.9),
        Recipe("weibull", 6, 0.9),
        Recipe("rising", 6),
        Recipe("rising", 12, 0.8),
        Recipe("exponential", 6, 0.75, bursts=True),
        Recipe("bimodal", 12, 0.7, bunch=4.0),
        Recipe("rising", 16, 0.9, machines=4, jobs=250),
    ),
    Split.VALIDATION: (
        Recipe("exponential", 3, 0.95),
        Recipe("exponential", 6, 0.85),
        Recipe("exponential", 12, 0.9),
        Recipe("bimodal", 4),
        Recipe("bimodal", 8, 0.75),
        Recipe("pareto", 16, 0.9),
        Recipe("weibull", 10, 0.8),
        Recipe("rising", 8, 0.85),
        Recipe("rising", 14, 0.9),
        Recipe("exponential", 5, 0.8, bursts=True),
        Recipe("rising", 6, 0.7, bunch=5.0),
        Recipe("bimodal", 16, 0.95, machines=4, jobs=250),
    ),
    # Traps; bunches and bursts of other sizes; longer chains; other loads.
    Split.TEST: (
        Recipe("trap", 16, 0.9),
        Recipe("trap", 12, 0.8),
        Recipe("trap", 8, 0.95),
        Recipe("trap", 14, 0.85, bunch=6.0),
        Recipe("rising", 16, 0.95),
        Recipe("rising", 10, 0.85, bursts=True),
        Recipe("bimodal", 10, 0.95),
        Recipe("bimodal", 5, 0.8, bunch=8.0),
        Recipe("weibull", 16, 0.9),
        Recipe("pareto", 14, 0.8, bursts=True),
        Recipe("exponential", 14, 0.9, bunch=3.0),
        Recipe("exponential", 2, 0.9),
        Recipe("exponential", 7, 0.85, bursts=True, machines=4, jobs=250),
        Recipe("trap", 15, 0.8, bursts=True, machines=4, jobs=250),
    ),
}
TESTS: Recipes = {
    Split.TRAIN: (
        Recipe("exponential", 2),
        Recipe("exponential", 2, 0.8),
        Recipe("exponential", 2, 0.95),
        Recipe("bimodal", 2),
        Recipe("bimodal", 2, 0.8),
        Recipe("weibull", 2, 0.9),
        Recipe("exponential", 2, 0.7, bunch=4.0),
        Recipe("bimodal", 2, 0.75, bursts=True),
    ),
    Split.VALIDATION: (
        Recipe("exponential", 2, 0.85),
        Recipe("exponential", 2, 0.9),
        Recipe("exponential", 2, 0.95),
        Recipe("bimodal", 2, 0.85),
        Recipe("bimodal", 2, 0.75),
        Recipe("weibull", 2, 0.85),
        Recipe("exponential", 2, 0.7, bunch=5.0),
        Recipe("bimodal", 2, 0.8, bursts=True),
    ),
    Split.TEST: (
        Recipe("exponential", 2, 0.97),
        Recipe("bimodal", 2, 0.95),
        Recipe("bimodal", 2, 0.85, bunch=8.0),
        Recipe("weibull", 2, 0.95),
        Recipe("weibull", 2, 0.8, bunch=5.0),
        Recipe("pareto", 2, 0.9),
        Recipe("exponential", 2, 0.8, bunch=8.0),
        Recipe("exponential", 2, 0.85, bursts=True, machines=4, jobs=250),
    ),
}
RECIPES: dict[Kind, Recipes] = {"gradual": CHAINS, "blind": CHAINS, "estimate": CHAINS, "tests": TESTS}


class Means(NamedTuple):
    """Of a family: a job's work, in the unit of its formula, and its number of operations."""

    work: float
    ops: float


def means(family: Family, most: int) -> Means:
    """Return the means of a family whose jobs have at most so many operations."""
    ops = (most + 1) / 2
    if family == "exponential":
        return Means(ops, ops)
    if family == "bimodal":
        return Means(ops * (1 + BIMODAL_SHARE * (BIMODAL_TIMES - 1)), ops)
    if family == "pareto":
        a, most_work = PARETO_SHAPE, PARETO_MOST
        return Means(a / (a - 1) * (1 - most_work ** (1 - a)) / (1 - most_work**-a), ops)
    if family == "weibull":
        return Means(math.gamma(1 + 1 / WEIBULL_SHAPE), ops)
    if family == "rising":
        return Means(sum(_rise(count) for count in range(1, most + 1)) / most, ops)
    return Means(
        TRAP_SHARE * (TRAP_FIRST * _rise(most) + TRAP_LAST) + (1 - TRAP_SHARE) * TRAP_OTHERS,
        TRAP_SHARE * (most + 1) + 1 - TRAP_SHARE,
    )


def _rise(count: int) -> float:
    return (RISE**count - 1) / (RISE - 1)


def _chain(rng: random.Random, family: Family, most: int) -> list[float]:
    """Draw the operations of a job, in the unit of the family's formula."""
    if family == "trap":
        if rng.random() >= TRAP_SHARE:
            return [TRAP_OTHERS]
        return [*(TRAP_FIRST * RISE**i for i in range(most)), TRAP_LAST]
    count = rng.randint(1, most)
    if family in ("pareto", "weibull"):
        if family == "pareto":
            # Inverse of the distribution function between 1 and PARETO_MOST.
            work = (1 - rng.random() * (1 - PARETO_MOST**-PARETO_SHAPE)) ** (-1 / PARETO_SHAPE)
        else:
            work = rng.weibullvariate(1.0, WEIBULL_SHAPE)
        shares = [rng.gammavariate(0.5, 1.0) for _ in range(count)]
        total = math.fsum(shares) or 1.0
        return [work * share / total for share in shares]
    lengths = [rng.expovariate(1.0) for _ in range(count)]
    if family == "bimodal":
        return [BIMODAL_TIMES if rng.random() < BIMODAL_SHARE else 1.0 for _ in lengths]
    if family == "rising":
        return [length * RISE**i for i, length in enumerate(lengths)]
    return lengths


@dataclass(frozen=True)
class Drawn:
    """Jobs drawn at random. seed: what chance depends on.  tests: whether each is a test and a body."""

    seed: str
    recipe: Recipe
    tests: bool

    def machines(self) -> Machines:
        """Draw the jobs of all machines."""
        return tuple(self._machine(f"{self.seed}/machine-{number}") for number in range(self.recipe.machines))

    def _machine(self, seed: str) -> tuple[Job, ...]:
        recipe = self.recipe
        if self.tests:
            mean = means(recipe.family, 1).work
            test = TEST_LENGTH * mean
            scale, work = 2 * MEAN_OP_TICKS / (mean + test), 2.0 * MEAN_OP_TICKS
        else:
            mean_work, mean_ops = means(recipe.family, recipe.ops)
            scale = MEAN_OP_TICKS * mean_ops / mean_work
            work, test = mean_work * scale, 0.0
        due, jobs = 0.0, []  # how many jobs should have come by now
        for number in range(recipe.jobs):
            rng = random.Random(f"{seed}/job-{number}")
            if rng.random() < 1 / recipe.bunch:
                due += rng.expovariate(1.0) * recipe.bunch
            lengths = [test, *_chain(rng, recipe.family, 1)] if self.tests else _chain(rng, recipe.family, recipe.ops)
            arrival = round(self._when(due) * work)
            jobs.append(Job(arrival, tuple(max(1, round(length * scale)) for length in lengths)))
        return tuple(jobs)

    def _when(self, due: float) -> float:
        """Return when so many jobs should have come, in mean jobs' work."""
        load = self.recipe.load
        if not self.recipe.bursts:
            return due / load
        burst, quiet = BURST_SHARE * BURST_PERIOD, (load - BURST_LOAD * BURST_SHARE) / (1 - BURST_SHARE)
        periods, rest = divmod(due, load * BURST_PERIOD)
        in_burst = BURST_LOAD * burst
        within = rest / BURST_LOAD if rest <= in_burst else burst + (rest - in_burst) / quiet
        return periods * BURST_PERIOD + within


def own_case(kind: Kind, split: Split, index: int, attempt: int) -> Case:
    """Return one draw of an own case; the same for the same arguments, in every process."""
    return drawn_case(kind, split, f"{split}/{index}", index, attempt)


def drawn_case(kind: Kind, split: Split, name: str, index: int, attempt: int) -> Case:
    """Draw a case as that of a split with an index is drawn. name: its id, what chance depends on."""
    recipe = RECIPES[kind][split][index]
    source = Drawn(f"flow_time/{kind}/{name}/{attempt}", recipe, kind == "tests")
    return Case(name, recipe.family, recipe.load, source, recipe.error)
