"""Our own shops.

jsp: Taillard's durations, 1 to 99, on random routes; the test split has routes that pass one half of the machines
before the other (as DMU 41 to 80, Demirkol, Mehta & Uzsoy 1998), and durations that are short or long.
fjsp: each operation on one to five machines, a fifth quicker or slower.
blocking: smaller shops, some with breakdowns.
dynamic: jobs of 2 to 10 operations come at random to ten machines, to be done within a multiple of their work; the
first fifth of them is not counted.

Test is shifted on purpose, to more jobs and to routes and durations that train does not have: a rule should not hang on
them. Numbers of jobs and machines are drawn at random: they carry no information. In the kind dynamic, every job and
the breakdowns of every machine have a stream of chance of their own: who has seen some knows nothing of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, TypeAlias

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.job_shop.shop import Breakdown, Job, Kind, Operation, Shop, ShopInstance
from evolve.evaluator import Split

Routing: TypeAlias = Literal["random", "two_sets"]
Durations: TypeAlias = Literal["uniform", "bimodal"]

LONGEST = 99
MEAN_TICKS = 50
BIMODAL_LONG_SHARE = 0.15
UNLIKE = 0.2
"""How much quicker or slower than the mean a machine may be (fjsp)."""
WEIGHTS, WEIGHT_SHARES = (1, 2, 4), (0.2, 0.6, 0.2)
WARM_UP_SHARE = 5
"""One in so many jobs comes first and is not counted."""


@dataclass(frozen=True)
class Recipe:
    """How shops are drawn.

    Attributes:
        jobs, machines: how many.
        routing: "random", or "two_sets": every job passes the first half of the machines before the second.
        durations: "uniform" 1 to 99 ticks, or "bimodal": 15 % are 80 to 99 ticks, the others 1 to 10.
        alternatives: most machines of an operation; how many is drawn evenly from 1.
        ops: operations of a job, from and to; none: each machine once.
        utilisation: share of the time that a machine works, in the long run (dynamic).
        due_factor: a job is due so many times its work after it came (dynamic).
        down: share of the time that a machine is broken.
        repair: how long it then is, on average, over the mean duration.
    """

    jobs: int
    machines: int
    routing: Routing = "random"
    durations: Durations = "uniform"
    alternatives: int = 1
    ops: tuple[int, int] | None = None
    utilisation: float = 0.0
    due_factor: float = 0.0
    down: float = 0.0
    repair: float = 1.0


def _dynamic(jobs: int, utilisation: float, due_factor: float, down: float = 0.0, repair: float = 1.0) -> Recipe:
    return Recipe(jobs, 10, ops=(2, 10), utilisation=utilisation, due_factor=due_factor, down=down, repair=repair)


RECIPES: dict[Kind, dict[Split, tuple[Recipe, ...]]] = {
    "jsp": {
        Split.TRAIN: (
            Recipe(10, 10),
            Recipe(10, 10),
            Recipe(15, 10),
            Recipe(15, 15),
            Recipe(20, 10),
            Recipe(20, 15),
            Recipe(30, 10),
            Recipe(30, 15),
        ),
        Split.VALIDATION: (
            Recipe(10, 10),
            Recipe(12, 12),
            Recipe(15, 10),
            Recipe(15, 15),
            Recipe(20, 10),
            Recipe(20, 20),
            Recipe(30, 10),
            Recipe(30, 20),
            Recipe(40, 10),
            Recipe(25, 15),
        ),
        Split.TEST: (
            Recipe(15, 15, "two_sets"),
            Recipe(20, 15, "two_sets"),
            Recipe(20, 20, "two_sets"),
            Recipe(30, 15, "two_sets"),
            Recipe(40, 20, "two_sets"),
            Recipe(20, 15, durations="bimodal"),
            Recipe(30, 20, durations="bimodal"),
            Recipe(30, 15, "two_sets", "bimodal"),
            Recipe(50, 15),
            Recipe(50, 20),
        ),
    },
    "fjsp": {
        Split.TRAIN: (
            Recipe(10, 6, alternatives=3, ops=(5, 7)),
            Recipe(10, 10, alternatives=5),
            Recipe(15, 8, alternatives=3, ops=(8, 10)),
            Recipe(15, 10, alternatives=2),
            Recipe(20, 5, alternatives=2, ops=(5, 9)),
            Recipe(20, 10, alternatives=5, ops=(10, 12)),
            Recipe(20, 15, alternatives=2),
        ),
        Split.VALIDATION: (
            Recipe(10, 6, alternatives=5, ops=(5, 7)),
            Recipe(10, 10, alternatives=2),
            Recipe(15, 8, alternatives=3, ops=(8, 10)),
            Recipe(15, 15, alternatives=3),
            Recipe(20, 5, alternatives=3, ops=(5, 9)),
            Recipe(20, 10, alternatives=2, ops=(10, 14)),
            Recipe(30, 10, alternatives=4),
        ),
        # Routes through two sets of machines, long and short operations, and six hundred operations and more.
        Split.TEST: (
            Recipe(15, 10, "two_sets", alternatives=2),
            Recipe(20, 15, "two_sets", alternatives=3),
            Recipe(20, 10, durations="bimodal", alternatives=3, ops=(8, 14)),
            Recipe(30, 10, durations="bimodal", alternatives=2),
            Recipe(20, 5, alternatives=3, ops=(10, 15)),
            Recipe(60, 10, alternatives=2),
            Recipe(60, 10, alternatives=5, ops=(8, 12)),
            Recipe(80, 15, alternatives=3, ops=(10, 15)),
        ),
    },
    "blocking": {
        Split.TRAIN: (
            Recipe(6, 6),
            Recipe(8, 8),
            Recipe(10, 5),
            Recipe(10, 5),
            Recipe(10, 10),
            Recipe(15, 5),
            Recipe(15, 10),
            Recipe(10, 5, down=0.025),
        ),
        Split.VALIDATION: (
            Recipe(6, 6),
            Recipe(8, 8),
            Recipe(10, 5),
            Recipe(12, 8),
            Recipe(10, 10),
            Recipe(20, 5),
            Recipe(15, 10),
            Recipe(10, 8, down=0.025, repair=5.0),
        ),
        Split.TEST: (
            Recipe(15, 10, "two_sets"),
            Recipe(20, 10, "two_sets"),
            Recipe(15, 10, durations="bimodal"),
            Recipe(20, 15),
            Recipe(30, 10),
            Recipe(10, 10, down=0.05, repair=5.0),
            Recipe(15, 10, "two_sets", down=0.05, repair=5.0),
            Recipe(20, 10, durations="bimodal", down=0.05),
        ),
    },
    "dynamic": {
        Split.TRAIN: (
            _dynamic(200, 0.85, 1.5),
            _dynamic(200, 0.95, 1.5),
            _dynamic(200, 0.85, 4.0, down=0.025),
            _dynamic(200, 0.95, 4.0),
            _dynamic(200, 0.85, 1.5, down=0.025, repair=5.0),
        ),
        Split.VALIDATION: (
            _dynamic(250, 0.85, 1.5),
            _dynamic(250, 0.95, 1.5),
            _dynamic(250, 0.95, 4.0),
            _dynamic(250, 0.85, 1.5, down=0.025),
            _dynamic(250, 0.9, 3.0, down=0.025, repair=5.0),
        ),
        # Longer, more breakdowns, other due dates.
        Split.TEST: (
            _dynamic(500, 0.85, 1.5),
            _dynamic(500, 0.95, 2.0),
            _dynamic(500, 0.95, 4.0),
            _dynamic(500, 0.85, 1.5, down=0.05),
            _dynamic(500, 0.85, 2.0, down=0.05, repair=5.0),
            _dynamic(500, 0.9, 3.0, down=0.05, repair=5.0),
        ),
    },
}


def own_instance(kind: Kind, split: Split, index: int, attempt: int) -> ShopInstance:
    """Return a draw of an own shop; the same for the same arguments, in every process."""
    name = f"{split}/{index}" if kind == "jsp" else f"{split}/{kind}-{index}"
    return drawn_instance(kind, split, name, index, attempt)


def drawn_instance(kind: Kind, split: Split, name: str, slot: int, attempt: int) -> ShopInstance:
    """Return a shop by the recipe of one of a split's own. All chance depends on its name, which is its id."""
    recipe = RECIPES[kind][split][slot]
    warm_up = recipe.jobs // WARM_UP_SHARE if kind == "dynamic" else 0
    return ShopInstance(name, kind, partial(drawn_shop, recipe, f"job_shop/{kind}/{name}/{attempt}"), warm_up)


@cache
def drawn_shop(recipe: Recipe, key: str) -> Shop:
    """Return a shop of a recipe. key: what chance depends on."""
    if recipe.utilisation:
        jobs = _stream_of_jobs(recipe, key)
    else:
        rng = stream(key)
        jobs = tuple(Job(_operations(rng, recipe)) for _ in range(recipe.jobs))
    return Shop(recipe.machines, jobs, _breakdowns(recipe, jobs, key) if recipe.down else ())


def _stream_of_jobs(recipe: Recipe, key: str) -> tuple[Job, ...]:
    assert recipe.ops is not None
    mean_ops = sum(recipe.ops) / 2
    gap_ticks = mean_ops * MEAN_TICKS / (recipe.machines * recipe.utilisation)
    arrival, jobs = 0.0, []
    for number in range(recipe.jobs):
        rng = stream(f"{key}/job-{number}")
        arrival += float(rng.exponential(gap_ticks))
        ops = _operations(rng, recipe)
        work = sum(op[0][1] for op in ops)
        weight = int(rng.choice(WEIGHTS, p=WEIGHT_SHARES))
        jobs.append(Job(ops, round(arrival), round(arrival) + round(recipe.due_factor * work), weight))
    return tuple(jobs)


def _operations(rng: np.random.Generator, recipe: Recipe) -> tuple[Operation, ...]:
    """Draw a job's operations; no machine is the first choice of two unless there are more operations than machines."""
    machines = recipe.machines
    count = machines if recipe.ops is None else int(rng.integers(recipe.ops[0], recipe.ops[1] + 1))
    route: list[int] = []
    while len(route) < count:
        route += _route(rng, recipe)
    operations: list[Operation] = []
    for machine in route[:count]:
        ticks = _ticks(rng, recipe.durations)
        others = int(rng.integers(0, recipe.alternatives)) if recipe.alternatives > 1 else 0
        if not others:
            operations.append(((machine, ticks),))
            continue
        rest = rng.permutation([m for m in range(machines) if m != machine])[:others].tolist()
        shares = rng.uniform(1 - UNLIKE, 1 + UNLIKE, others + 1).tolist()
        able = zip([machine, *rest], shares, strict=False)
        operations.append(tuple(sorted((m, max(1, round(ticks * share))) for m, share in able)))
    return tuple(operations)


def _route(rng: np.random.Generator, recipe: Recipe) -> list[int]:
    """Return (machines,) all machines in a random order; "two_sets": those of the lower half before the others."""
    if recipe.routing == "random":
        order: list[int] = rng.permutation(recipe.machines).tolist()
        return order
    half = recipe.machines // 2
    return [*rng.permutation(half).tolist(), *(half + rng.permutation(recipe.machines - half)).tolist()]


def _ticks(rng: np.random.Generator, durations: Durations) -> int:
    if durations == "uniform":
        return int(rng.integers(1, LONGEST + 1))
    return int(rng.integers(80, 100) if rng.random() < BIMODAL_LONG_SHARE else rng.integers(1, 11))


def _breakdowns(recipe: Recipe, jobs: tuple[Job, ...], key: str) -> tuple[Breakdown, ...]:
    """Draw when machines break down, for longer than any reasonable schedule: up and repair times are exponential."""
    work = sum(ticks for job in jobs for op in job.ops for _, ticks in op[:1])
    until = jobs[-1].arrival + 4 * work // recipe.machines + 20 * MEAN_TICKS * recipe.machines
    repair_ticks = recipe.repair * MEAN_TICKS
    up_ticks = repair_ticks * (1 - recipe.down) / recipe.down
    found = []
    for machine in range(recipe.machines):
        rng = stream(f"{key}/breakdowns-{machine}")
        now = 0
        while True:
            start = now + max(1, round(float(rng.exponential(up_ticks))))
            now = start + max(1, round(float(rng.exponential(repair_ticks))))
            if start >= until:
                break
            found.append(Breakdown(machine, start, now))
    return tuple(sorted(found, key=lambda one: (one.start, one.machine)))
