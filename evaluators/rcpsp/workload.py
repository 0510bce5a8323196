"""Our own projects: networks with few redundant arcs, demands and capacities of a set scarcity.

Parameters as in ProGen (Kolisch, Sprecher & Drexl 1995, Management Science 41): network complexity (arcs per task),
resource factor (share of the resources that a task needs), resource strength (0: a capacity just suffices for the
largest demand, 1: it never binds in the earliest schedule). Task numbers are shuffled: they carry no information.

The kind `feasible` follows R-ConstraintBench (Jain & Wetter, arXiv 2508.15204): releases, downtime, exclusive pairs and
deadlines, each kind of constraint in three of four projects, around a schedule that is drawn first and meets them all.

Sizes, long tails and scarcity of test are those of train within a tenth. Numbers of resources other than 4, factors
below 0.5 and denser and sparser networks are in test only, on purpose: nothing in a rule should hang on them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, TypeAlias

import numpy as np

from evaluators.rcpsp.decoding import serial
from evaluators.rcpsp.project import (
    Project,
    ProjectInstance,
    critical_path_ticks,
    earliest_starts,
    horizon_ticks,
    make_project,
    makespan_ticks,
)
from evolve.evaluator import Split

Kind: TypeAlias = Literal["makespan", "feasible"]
Durations: TypeAlias = Literal["uniform", "long_tail"]

MOST_SUCCESSORS = 3
HIDDEN_TRIES = 12
"""How many schedules are drawn, of which the shortest becomes the one that a `feasible` project is built around."""


@dataclass(frozen=True)
class Recipe:
    """How projects are drawn; each pair is a range, both ends included.

    Attributes:
        tasks: how many.
        complexity: arcs per task.
        factor, strength: resource factor and resource strength.
        resources: how many.
        durations: "uniform" 1 to 10 ticks, or "long_tail", lognormal with a mean of about 6 and up to 40.
    """

    tasks: tuple[int, int]
    complexity: tuple[float, float] = (1.5, 2.1)
    factor: tuple[float, float] = (0.5, 1.0)
    strength: tuple[float, float] = (0.1, 0.4)
    resources: tuple[int, int] = (4, 4)
    durations: Durations = "uniform"


MAKESPAN: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        *[Recipe((30, 40))] * 6,
        *[Recipe((50, 70))] * 5,
        *[Recipe((90, 120))] * 4,
        Recipe((40, 60), durations="long_tail"),
        Recipe((60, 90), factor=(0.9, 1.0), strength=(0.0, 0.1)),
        Recipe((120, 140), strength=(0.1, 0.3)),
    ),
    Split.VALIDATION: (
        *[Recipe((30, 45))] * 8,
        *[Recipe((50, 80))] * 8,
        *[Recipe((90, 120))] * 5,
        *[Recipe((40, 80), durations="long_tail")] * 3,
        *[Recipe((60, 90), factor=(0.9, 1.0), strength=(0.0, 0.1))] * 3,
        *[Recipe((120, 140), strength=(0.1, 0.3), resources=(3, 6))] * 3,
    ),
    # Larger, scarcer, other numbers of resources, long tasks among short ones, denser networks.
    Split.TEST: (
        *[Recipe((60, 90), complexity=(1.3, 2.3), resources=(2, 6))] * 8,
        *[Recipe((100, 150), factor=(0.3, 1.0), strength=(0.0, 0.3))] * 8,
        *[Recipe((50, 120), durations="long_tail")] * 8,
        *[Recipe((60, 120), strength=(0.0, 0.15), resources=(2, 3), durations="long_tail")] * 4,
    ),
}
FEASIBLE: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (*[Recipe((20, 35))] * 8, *[Recipe((36, 50))] * 8, *[Recipe((60, 70))] * 4),
    Split.VALIDATION: (*[Recipe((20, 35))] * 12, *[Recipe((36, 50))] * 12, *[Recipe((60, 70))] * 6),
    Split.TEST: (
        *[Recipe((30, 50), durations="long_tail")] * 8,
        *[Recipe((50, 80), resources=(2, 6))] * 12,
        *[Recipe((60, 90), strength=(0.0, 0.2))] * 8,
    ),
}
RECIPES: dict[Kind, dict[Split, tuple[Recipe, ...]]] = {"makespan": MAKESPAN, "feasible": FEASIBLE}


def own_instance(kind: Kind, split: Split, index: int, attempt: int) -> ProjectInstance:
    """Return a draw of an own project; the same for the same arguments, in every process."""
    name = f"{split}/{index}" if kind == "makespan" else f"{split}/feasible-{index}"
    return drawn_instance(kind, split, name, index, attempt)


def drawn_instance(kind: Kind, split: Split, name: str, slot: int, attempt: int) -> ProjectInstance:
    """Return a project by the recipe of one of a split's own. All chance depends on its name, which is its id."""
    recipe = RECIPES[kind][split][slot]
    return ProjectInstance(name, partial(_drawn, kind, recipe, f"{kind}/{name}/{attempt}"), kind == "feasible")


@cache
def _drawn(kind: Kind, recipe: Recipe, key: str) -> Project:
    rng = np.random.default_rng(list(hashlib.sha256(key.encode()).digest()))
    project = _project(rng, recipe)
    return _constrained(rng, project) if kind == "feasible" else project


def _project(rng: np.random.Generator, recipe: Recipe) -> Project:
    tasks = int(rng.integers(recipe.tasks[0], recipe.tasks[1] + 1))
    resources = int(rng.integers(recipe.resources[0], recipe.resources[1] + 1))
    successors = _network(rng, tasks, rng.uniform(*recipe.complexity))
    if recipe.durations == "uniform":
        duration = rng.integers(1, 11, tasks)
    else:
        duration = np.clip(np.ceil(rng.lognormal(1.3, 0.9, tasks)), 1, 40).astype(np.int64)
    needed = rng.random((tasks, resources)) < rng.uniform(*recipe.factor)
    needed[np.arange(tasks), rng.integers(0, resources, tasks)] = True
    demand = np.where(needed, rng.integers(1, 11, (tasks, resources)), 0)
    free = make_project(duration.tolist(), demand.tolist(), [10**9] * resources, successors)
    peak = _peaks(free)
    least = demand.max(axis=0)
    capacity = least + np.round(rng.uniform(*recipe.strength) * np.maximum(peak - least, 0)).astype(np.int64)
    return make_project(duration.tolist(), demand.tolist(), capacity.tolist(), successors)


def _network(rng: np.random.Generator, tasks: int, complexity: float) -> list[list[int]]:
    """Draw successors: each task but the first few has a predecessor, and no arc follows from two others."""
    label = rng.permutation(tasks).tolist()
    reach = [0] * tasks  # bits of the tasks that come after, by rank
    before = [0] * tasks
    arcs: list[list[int]] = [[] for _ in range(tasks)]

    def add(one: int, other: int) -> bool:
        if reach[one] >> other & 1 or len(arcs[one]) >= MOST_SUCCESSORS:
            return False
        below, above = reach[other] | 1 << other, before[one] | 1 << one
        if any(above >> a & 1 and any(below >> b & 1 for b in arcs[a]) for a in range(one + 1)):
            return False
        arcs[one].append(other)
        for a in range(one + 1):
            if above >> a & 1:
                reach[a] |= below
        for b in range(other, tasks):
            if below >> b & 1:
                before[b] |= above
        return True

    roots = min(3, tasks - 1)
    for other in range(roots, tasks):
        for one in rng.permutation(other).tolist():
            if add(one, other):
                break
    wanted = round(complexity * tasks) - sum(map(len, arcs))
    for _ in range(20 * tasks):
        if wanted <= 0:
            break
        one, other = sorted(rng.choice(tasks, 2, replace=False).tolist())
        wanted -= add(one, other)
    successors: list[list[int]] = [[] for _ in range(tasks)]
    for one, following in enumerate(arcs):
        successors[label[one]] = [label[other] for other in following]
    return successors


def _peaks(project: Project) -> np.ndarray:
    """Return (R,) int, the highest use of each resource in the earliest schedule."""
    starts = earliest_starts(project)
    used = np.zeros((critical_path_ticks(project), len(project.capacity)), dtype=np.int64)
    for start, duration, need in zip(starts, project.duration, project.demand, strict=True):
        used[start : start + duration] += need
    return used.max(axis=0)


def _constrained(rng: np.random.Generator, base: Project) -> Project:
    """Add releases, downtime and pairs; then deadlines that a schedule, found here and kept to itself, just meets."""
    tasks, resources = base.tasks, len(base.capacity)
    rough = makespan_ticks(base, serial(base, list(range(tasks)), horizon_ticks(base)))
    has_release, has_downtime, has_pairs = (rng.random(3) < 0.75).tolist()
    release = [0] * tasks
    if has_release:
        early = earliest_starts(base)
        for task in rng.permutation(tasks)[: tasks // 4].tolist():
            release[task] = early[task] + int(rng.integers(0, rough // 3 + 1))
    downtime = []
    for resource in range(resources if has_downtime else 0):
        for part in range(int(rng.integers(1, 3))):
            start = int(rng.integers(part * rough // 2 + 2, (part + 1) * rough // 2 + 3))
            downtime.append((resource, start, start + int(rng.integers(2, 7))))
    exclusive = []
    if has_pairs:
        order = rng.permutation(tasks).tolist()
        exclusive = [tuple(sorted(order[2 * k : 2 * k + 2])) for k in range(tasks // 6)]
    open_ended = make_project(
        base.duration, base.demand, base.capacity, base.successors, release, None, downtime, exclusive
    )
    horizon = horizon_ticks(open_ended)
    latest = _tails(open_ended)
    tries = [
        serial(open_ended, [-t * f for t, f in zip(latest, rng.uniform(0.6, 1.4, tasks), strict=True)], horizon)
        for _ in range(HIDDEN_TRIES)
    ]
    hidden = min(tries, key=lambda starts: makespan_ticks(open_ended, starts))
    deadline = [-1] * tasks
    for task in rng.permutation(tasks)[: max(3, tasks // 3)].tolist():
        deadline[task] = hidden[task] + base.duration[task] + int(rng.integers(0, 5))
    finish = makespan_ticks(open_ended, hidden)
    for task in range(tasks):
        if not base.successors[task]:
            deadline[task] = finish + int(rng.integers(0, 3)) if deadline[task] < 0 else deadline[task]
    return make_project(
        base.duration, base.demand, base.capacity, base.successors, release, deadline, downtime, exclusive
    )


def _tails(project: Project) -> list[int]:
    """Return (n,) ticks: the longest chain from the start of each task to the end of the project."""
    tail = [0] * project.tasks
    for task in sorted(range(project.tasks), key=earliest_starts(project).__getitem__, reverse=True):
        tail[task] = project.duration[task] + max((tail[s] for s in project.successors[task]), default=0)
    return tail
