"""The instances: how many jobs there are, how long they take, when they are due, and when they come.

`weighted` and `unweighted` jobs are those of the literature (Potts & Van Wassenhove 1985): due dates uniform in a
window of relative width RDD around a share 1 - TF of all processing. TF and RDD are those that leave room between the
rules of the textbook and the optimum; test has other lengths and due dates that fall on a few values. `online` jobs are
ours: they come at random, alone or in bunches, at a load of 0.8 to 1.2, and are due some mean processing times later.
Every job has streams of chance of its own, so that the jobs that have come tell nothing of those that will.

Numbers of jobs, lengths and loads of test are within those of train, or a tenth beyond. Shifted on purpose: test has
none of the small sets, few due dates together with odd lengths (train has either), and online larger bunches and due
dates much sooner or later, which a rule must read from the jobs and not know.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from evaluators.single_machine_tardiness.jobs import Jobs, Kind
from evolve.evaluator import Split

Lengths: TypeAlias = Literal["uniform", "lognormal", "bimodal"]
MOST_TICKS = 100
"""Of one job."""
MEAN_TICKS: dict[Lengths, float] = {"uniform": 50.5, "lognormal": 23.5, "bimodal": 50.25}
"""Of a job, on average over all draws."""


@dataclass(frozen=True)
class Recipe:
    """How the jobs of one instance are drawn.

    Attributes:
        jobs: how many.
        lengths: "uniform" 1..100 ticks; "lognormal" with a long tail; "bimodal", 1..10 or 90..100.
        tf, rdd: tardiness factor and relative range of due dates, to choose from (weighted, unweighted).
        values: how many different due dates there are; 0: as many as there are (weighted, unweighted).
        load: work that comes per tick (online).
        allowance: range of the time in which a job is due, in mean processing times (online).
        bunch: jobs that come together on average (online).
    """

    jobs: int
    lengths: Lengths = "uniform"
    tf: tuple[float, ...] = (0.2, 0.4, 0.6)
    rdd: tuple[float, ...] = (0.2, 0.4, 0.6)
    values: int = 0
    load: float = 0.95
    allowance: tuple[float, float] = (1.0, 12.0)
    bunch: float = 1.0


def _sizes(sizes: tuple[int, ...], **same: object) -> tuple[Recipe, ...]:
    return tuple(Recipe(jobs, **same) for jobs in sizes)  # type: ignore[arg-type]


OFFLINE: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        *_sizes((40, 50, 60, 60, 75, 75, 90, 100, 100, 120)),
        *_sizes((100, 150), lengths="lognormal"),
        *_sizes((100, 160), lengths="bimodal"),
        *_sizes((100, 180), values=6),
        *_sizes((200, 250, 300)),
    ),
    Split.VALIDATION: (
        *_sizes((40, 50, 60, 70, 80, 90, 100, 110, 120, 130)),
        *_sizes((80, 120, 160), lengths="lognormal"),
        *_sizes((80, 120, 160), lengths="bimodal"),
        *_sizes((80, 120, 160), values=5),
        *_sizes((200, 240, 300)),
    ),
    # Large ones only, other lengths, and due dates at the ends of a few shifts.
    Split.TEST: (
        *_sizes((150, 180, 200, 200, 240), lengths="lognormal"),
        *_sizes((150, 180, 200, 220, 240), lengths="bimodal"),
        *_sizes((150, 170, 200, 300), values=8),
        *_sizes((150, 190, 200, 260), lengths="lognormal", values=4),
        *_sizes((160, 190, 200, 280), lengths="bimodal", values=12, tf=(0.2, 0.3, 0.5, 0.7), rdd=(0.2, 0.3, 0.5)),
        *_sizes((160, 200, 250, 300), tf=(0.3, 0.5, 0.7), rdd=(0.1, 0.3, 0.5)),
    ),
}
ONLINE: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        *_sizes((40, 60, 80, 100), load=0.85),
        *_sizes((40, 60, 80, 120), load=0.95),
        *_sizes((60, 100), load=1.1),
        *_sizes((60, 100, 140), bunch=3.0),
        *_sizes((80, 120), lengths="lognormal"),
        *_sizes((80, 120), lengths="bimodal", bunch=2.0),
    ),
    Split.VALIDATION: (
        *_sizes((40, 60, 80, 100), load=0.8),
        *_sizes((50, 70, 90, 120), load=0.95),
        *_sizes((60, 100, 140), load=1.1),
        *_sizes((60, 100, 140), bunch=4.0),
        *_sizes((60, 80, 120), lengths="lognormal"),
        *_sizes((60, 80, 120), lengths="bimodal", bunch=2.0),
    ),
    # Heavier loads, larger bunches, other lengths, due sooner or later.
    Split.TEST: (
        *_sizes((100, 120, 140, 150), lengths="lognormal", bunch=3.0, load=0.9),
        *_sizes((80, 100, 130, 150), lengths="bimodal", bunch=2.0, load=0.95),
        *_sizes((80, 110, 150), load=1.2, allowance=(2.0, 25.0)),
        *_sizes((80, 110, 150), load=0.8, allowance=(0.5, 4.0)),
        *_sizes((80, 110, 150), bunch=8.0, load=0.9),
        *_sizes((80, 110, 150), lengths="lognormal", load=1.1, allowance=(1.0, 20.0)),
    ),
}
UNWEIGHTED: dict[Split, tuple[Recipe, ...]] = {
    split: tuple(replace(recipe, lengths="lognormal") if recipe.lengths == "bimodal" else recipe for recipe in recipes)
    for split, recipes in OFFLINE.items()
}
"""Where all jobs count alike, one rule (modified due date) is next to optimal for lengths of two kinds."""
RECIPES: dict[Kind, dict[Split, tuple[Recipe, ...]]] = {
    "weighted": OFFLINE,
    "unweighted": UNWEIGHTED,
    "online": ONLINE,
}


def own_jobs(kind: Kind, split: Split, index: int, attempt: int) -> Jobs:
    """Return one draw of an own instance; the same for the same arguments, in every process."""
    return drawn_jobs(kind, split, f"{split}/{index}", index, attempt)


def drawn_jobs(kind: Kind, split: Split, name: str, index: int, attempt: int) -> Jobs:
    """Draw an instance as that of a split with an index is drawn. name: its id, what chance depends on."""
    recipe, seed = RECIPES[kind][split][index], f"single_machine_tardiness/{kind}/{name}/{attempt}"
    chances = [random.Random(f"{seed}/job-{job}") for job in range(recipe.jobs)]
    processing = tuple(_length(rng, recipe.lengths) for rng in chances)
    weight = tuple(1 if kind == "unweighted" else rng.randint(1, 10) for rng in chances)
    if kind == "online":
        return _online(name, recipe, chances, processing, weight)
    rng = random.Random(f"{seed}/due")
    tf, rdd, total = rng.choice(recipe.tf), rng.choice(recipe.rdd), sum(processing)
    first, last = round(total * (1 - tf - rdd / 2)), round(total * (1 - tf + rdd / 2))
    due = [max(0, chance.randint(first, last)) for chance in chances]
    if recipe.values:
        ends = sorted(max(0, rng.randint(first, last)) for _ in range(recipe.values))
        due = [min(ends, key=lambda end, near=near: abs(end - near)) for near in due]  # type: ignore[misc]
    return Jobs(name, processing, tuple(due), weight)


def _length(rng: random.Random, lengths: Lengths) -> int:
    if lengths == "uniform":
        return rng.randint(1, MOST_TICKS)
    if lengths == "bimodal":
        return rng.randint(1, 10) if rng.random() < 0.5 else rng.randint(90, MOST_TICKS)
    return min(MOST_TICKS, max(1, round(rng.lognormvariate(2.8, 0.9))))


def _online(
    name: str, recipe: Recipe, chances: list[random.Random], processing: tuple[int, ...], weight: tuple[int, ...]
) -> Jobs:
    mean = MEAN_TICKS[recipe.lengths]
    release, due, now = [], [], 0.0
    for rng, length in zip(chances, processing, strict=True):
        if rng.random() < 1 / recipe.bunch:
            now += rng.expovariate(recipe.load / (mean * recipe.bunch))
        release.append(round(now))
        due.append(release[-1] + length + round(mean * rng.uniform(*recipe.allowance)))
    return Jobs(name, processing, tuple(due), weight, tuple(release), recipe.load)
