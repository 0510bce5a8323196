"""Our own graphs and streams.

Work and transfers as in Topcuoglu, Hariri & Wu 2002: the mean work of a task is uniform in 0 to twice the graph's mean,
its work on each PE within a share beta / 2 around that; a transfer's mean is CCR times the mean work. Task numbers are
shuffled: they carry no information. What a program sees and what tasks really take are drawn from streams of their own.

Test is shifted on purpose: more tasks and PEs, dearer transfers, tasks that not every PE can run, real times further
from the expected ones. A list heuristic is used for any graph, so one that only suits the graphs of train should lose
there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, TypeAlias

import numpy as np

from evaluators.heterogeneous_dag.dag import UNSUPPORTED, Dag, DagInstance, Kind, fastest, make_dag
from evaluators.heterogeneous_dag.shapes import Arcs, cholesky, fft, gaussian, layered, montage
from evaluators.heterogeneous_dag.stream import Job, StreamInstance
from evolve.evaluator import Split

Shape: TypeAlias = Literal["layered", "gaussian", "fft", "cholesky", "montage"]

MEAN_WORK = 1000
"""Ticks that a task takes on average on a PE."""
PE_TYPES = 3
LIMITED_SHARE = 0.4
"""Where some PEs cannot run some tasks: of so many tasks."""


@dataclass(frozen=True)
class Recipe:
    """How graphs are drawn; each pair is a range, both ends included.

    Attributes:
        shape: which task follows which.
        size: tasks of a layered graph, columns, points, tiles or images of the others.
        pes: how many PEs.
        ccr: mean transfer over mean work, drawn evenly on a log scale.
        beta: how unlike PEs are.
        limited: whether some tasks can run on one or two of three types of PEs only.
    """

    shape: Shape
    size: tuple[int, int]
    pes: tuple[int, int] = (3, 8)
    ccr: tuple[float, float] = (0.1, 5.0)
    beta: tuple[float, float] = (0.25, 1.5)
    limited: bool = False


@dataclass(frozen=True)
class StreamRecipe:
    """How streams are drawn. Jobs are of a few applications, each a graph by one of the recipes.

    Attributes:
        applications: recipes of graphs; the PEs are those of the first.
        jobs: how many arrive.
        load: fastest work that arrives over what all PEs can do.
        sigma: how far real times are from the expected ones, on a log scale; their mean is 1.
        burst: how many times as many jobs arrive in every other stretch of ten jobs; 1: always alike.
    """

    applications: tuple[Recipe, ...]
    jobs: int
    load: tuple[float, float]
    sigma: float
    burst: float = 1.0


STATIC: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        *[Recipe("layered", (30, 50))] * 4,
        *[Recipe("layered", (60, 80))] * 4,
        *[Recipe("layered", (90, 110))] * 2,
        Recipe("gaussian", (7, 10)),
        Recipe("fft", (8, 8)),
        Recipe("cholesky", (5, 6)),
        Recipe("montage", (8, 14)),
    ),
    Split.VALIDATION: (
        *[Recipe("layered", (30, 50))] * 5,
        *[Recipe("layered", (60, 80))] * 5,
        *[Recipe("layered", (90, 120))] * 4,
        *[Recipe("gaussian", (7, 12))] * 2,
        *[Recipe("fft", (8, 8))] * 2,
        *[Recipe("cholesky", (5, 7))] * 2,
        *[Recipe("montage", (8, 18))] * 2,
    ),
    # Larger, more PEs, dear transfers, tasks that not every PE can run.
    Split.TEST: (
        *[Recipe("layered", (80, 150), pes=(6, 16))] * 6,
        *[Recipe("layered", (60, 100), pes=(4, 12), ccr=(5.0, 10.0))] * 4,
        *[Recipe("layered", (60, 150), pes=(4, 12), limited=True)] * 6,
        *[Recipe("gaussian", (12, 15), pes=(4, 12))] * 2,
        *[Recipe("fft", (16, 16), pes=(4, 12), limited=True)] * 2,
        *[Recipe("cholesky", (7, 8), pes=(4, 12), limited=True)] * 2,
        *[Recipe("montage", (16, 24), pes=(4, 12))] * 2,
    ),
}

_BUSY = (0.5, 5.0)
"""CCR of graphs where buses matter."""
CONTENTION: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        *[Recipe("layered", (30, 50), ccr=_BUSY)] * 3,
        *[Recipe("layered", (60, 80), ccr=_BUSY)] * 3,
        Recipe("gaussian", (7, 10), ccr=_BUSY),
        Recipe("fft", (8, 8), ccr=_BUSY),
        Recipe("cholesky", (5, 6), ccr=_BUSY),
        Recipe("montage", (8, 14), ccr=_BUSY),
    ),
    Split.VALIDATION: (
        *[Recipe("layered", (30, 50), ccr=_BUSY)] * 6,
        *[Recipe("layered", (60, 80), ccr=_BUSY)] * 6,
        *[Recipe("gaussian", (7, 12), ccr=_BUSY)] * 2,
        *[Recipe("fft", (8, 8), ccr=_BUSY)] * 2,
        *[Recipe("cholesky", (5, 7), ccr=_BUSY)] * 2,
        *[Recipe("montage", (8, 18), ccr=_BUSY)] * 2,
    ),
    # Larger, more PEs, dearer transfers, tasks that not every PE can run.
    Split.TEST: (
        *[Recipe("layered", (80, 120), pes=(4, 12), ccr=_BUSY)] * 5,
        *[Recipe("layered", (60, 100), pes=(4, 12), ccr=(5.0, 10.0))] * 3,
        *[Recipe("layered", (60, 120), pes=(4, 12), ccr=_BUSY, limited=True)] * 4,
        Recipe("gaussian", (12, 14), pes=(4, 12), ccr=_BUSY),
        Recipe("fft", (16, 16), pes=(4, 12), ccr=_BUSY, limited=True),
        Recipe("cholesky", (7, 7), pes=(4, 12), ccr=_BUSY, limited=True),
        Recipe("montage", (16, 20), pes=(4, 12), ccr=_BUSY),
    ),
}

_SMALL = (Recipe("layered", (8, 14), (3, 6), (0.3, 1.5)), Recipe("layered", (8, 14), (3, 6), (0.3, 1.5)))
_CHIP = (
    Recipe("layered", (10, 16), (4, 8), (0.2, 1.0)),
    Recipe("gaussian", (4, 5), (4, 8), (0.2, 1.0)),
    Recipe("montage", (4, 4), (4, 8), (0.2, 1.0)),
)
_LIMITED = (
    Recipe("layered", (10, 18), (5, 10), (0.3, 2.0), limited=True),
    Recipe("cholesky", (3, 4), (5, 10), (0.3, 2.0), limited=True),
    Recipe("gaussian", (4, 5), (5, 10), (0.3, 2.0), limited=True),
)
STREAM: dict[Split, tuple[StreamRecipe, ...]] = {
    Split.TRAIN: (
        *[StreamRecipe(_SMALL, 60, (0.4, 0.6), 0.1)] * 3,
        *[StreamRecipe(_CHIP, 60, (0.4, 0.6), 0.1)] * 3,
    ),
    Split.VALIDATION: (
        *[StreamRecipe(_SMALL, 80, (0.4, 0.65), 0.1)] * 4,
        *[StreamRecipe(_CHIP, 80, (0.4, 0.65), 0.1)] * 4,
        *[StreamRecipe(_CHIP, 80, (0.4, 0.5), 0.1, burst=3.0)] * 2,
    ),
    # Real times further from the expected ones, tasks that not every PE can run, bursts, higher load.
    Split.TEST: (
        *[StreamRecipe(_CHIP, 100, (0.5, 0.7), 0.3)] * 4,
        *[StreamRecipe(_LIMITED, 100, (0.3, 0.5), 0.3)] * 4,
        *[StreamRecipe(_CHIP, 100, (0.4, 0.5), 0.3, burst=3.0)] * 2,
    ),
}
SIZES: dict[Kind, dict[Split, int]] = {
    "static": {split: len(recipes) for split, recipes in STATIC.items()},
    "contention": {split: len(recipes) for split, recipes in CONTENTION.items()},
    "stream": {split: len(recipes) for split, recipes in STREAM.items()},
}


def own_instance(kind: Kind, split: Split, index: int, attempt: int) -> DagInstance | StreamInstance:
    """Return a draw of an own instance; the same for the same arguments, in every process."""
    name = f"{split}/{index}" if kind == "static" else f"{split}/{kind}-{index}"
    return drawn_instance(kind, split, name, index, attempt)


def drawn_instance(kind: Kind, split: Split, name: str, slot: int, attempt: int) -> DagInstance | StreamInstance:
    """Return an instance by the recipe of one of a split's own. All chance depends on its name, which is its id."""
    key = f"{kind}/{name}/{attempt}"
    if kind != "stream":
        recipes = STATIC if kind == "static" else CONTENTION
        return DagInstance(name, partial(_drawn_dag, recipes[split][slot], key), kind)
    return StreamInstance(name, partial(_drawn_stream, STREAM[split][slot], key))


@cache
def _drawn_dag(recipe: Recipe, key: str) -> Dag:
    rng = _chance(key)
    return random_dag(rng, recipe, _between(rng, recipe.pes))


@cache
def _drawn_stream(recipe: StreamRecipe, key: str) -> tuple[Job, ...]:
    rng = _chance(key)
    pes = _between(rng, recipe.applications[0].pes)
    dags = [random_dag(rng, application, pes) for application in recipe.applications]
    load = rng.uniform(*recipe.load)
    gap_ticks = sum(sum(fastest(dag)) for dag in dags) / len(dags) / (pes * load)
    which = rng.integers(0, len(dags), recipe.jobs).tolist()
    return stream_of(
        [dags[k] for k in which],
        gaps_of(rng, recipe.jobs, gap_ticks, recipe.burst),
        recipe.sigma,
        _chance(f"{key}/hidden"),
    )


def _chance(key: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(key.encode()).digest()))


def _between(rng: np.random.Generator, ends: tuple[int, int]) -> int:
    return int(rng.integers(ends[0], ends[1] + 1))


def gaps_of(rng: np.random.Generator, jobs: int, gap_ticks: float, burst: float = 1.0) -> list[int]:
    """Return (jobs,) ticks between arrivals, exponential. burst: see `StreamRecipe`; the mean gap is kept."""
    quick = gap_ticks * 2 / (burst + 1)
    means = np.where(np.arange(jobs) // 10 % 2 == 0, quick, quick * burst)
    ticks: list[int] = np.rint(rng.exponential(means)).astype(np.int64).tolist()
    return ticks


def stream_of(dags: list[Dag], gaps: list[int], sigma: float, hidden: np.random.Generator) -> tuple[Job, ...]:
    """Return jobs, one per graph, whose real work is the expected one times exp(N(-sigma^2 / 2, sigma)), mean 1."""
    arrivals = np.cumsum(gaps).tolist()
    jobs = []
    for dag, arrival in zip(dags, arrivals, strict=True):
        noise = np.exp(hidden.normal(-(sigma**2) / 2, sigma, (dag.tasks, dag.pes)))
        work = np.array(dag.work)
        real = np.where(work == UNSUPPORTED, UNSUPPORTED, np.rint(np.maximum(work, 0) * noise).astype(np.int64))
        jobs.append(Job(arrival, dag, real.tolist()))
    return tuple(jobs)


def random_dag(rng: np.random.Generator, recipe: Recipe, pes: int) -> Dag:
    """Return a graph of a recipe on so many PEs."""
    tasks, arcs = _shape(rng, recipe)
    ccr = float(np.exp(rng.uniform(*np.log(recipe.ccr))))
    beta = rng.uniform(*recipe.beta)
    means = rng.uniform(0, 2 * MEAN_WORK, tasks)
    work = np.maximum(1, np.rint(means[:, None] * rng.uniform(1 - beta / 2, 1 + beta / 2, (tasks, pes))))
    work = work.astype(np.int64)
    if recipe.limited:
        work[~_able(rng, tasks, pes)] = UNSUPPORTED
    label = rng.permutation(tasks).tolist()
    transfers = np.rint(rng.uniform(0, 2 * ccr * MEAN_WORK, len(arcs))).astype(np.int64).tolist()
    rows: list[list[int]] = work[np.argsort(label)].tolist()
    return make_dag(rows, [(label[a], label[b], t) for (a, b), t in zip(arcs, transfers, strict=True)])


def _shape(rng: np.random.Generator, recipe: Recipe) -> tuple[int, Arcs]:
    size = _between(rng, recipe.size)
    match recipe.shape:
        case "layered":
            return layered(rng, size, float(rng.choice([0.5, 1.0, 2.0])), 5)
        case "gaussian":
            return gaussian(size)
        case "fft":
            return fft(size)
        case "cholesky":
            return cholesky(size)
        case "montage":
            return montage(size)


def _able(rng: np.random.Generator, tasks: int, pes: int) -> np.ndarray:
    """Return (tasks, pes) bool: which PE can run which task. Each type has a PE."""
    types = rng.permutation(np.concatenate([np.arange(PE_TYPES), rng.integers(0, PE_TYPES, pes - PE_TYPES)]))
    able = np.ones((tasks, PE_TYPES), dtype=bool)
    for task in np.flatnonzero(rng.random(tasks) < LIMITED_SHARE):
        able[task, rng.permutation(PE_TYPES)[: rng.integers(1, PE_TYPES)]] = False
    picked: np.ndarray = able[:, types]
    return picked
