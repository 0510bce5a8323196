"""The instances: clusters that kube-scheduler has all but filled, and pods for which it has no room.

Nodes and pods are drawn, the pods come one after the other, and the default scheduler places the first 85 to 95 % of
them; the others, and those that did not fit, are pending. Two kinds: `uniform`, requests of 100 to 1,000 milli-CPU and
MiB on equal nodes; `alibaba`, fitted to the GPU trace of Alibaba of 2023 (1,523 nodes, 8,152 pods).
An own instance is (split, index, attempt); one on which the default scheduler is near the best is drawn again.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.pod_packing.baselines import default
from evaluators.pod_packing.cluster import Cluster, Nodes, Pods
from evolve.evaluator import Instance, Split

Kind: TypeAlias = Literal["uniform", "alibaba"]
Family: TypeAlias = Literal["mixed", "uniform", "alibaba"]

NODE_TYPES = (
    (96_000, 393_216, 8_000),
    (104_000, 524_288, 2_000),
    (32_000, 262_144, 0),
    (16_000, 122_880, 2_000),
    (96_000, 524_288, 0),
    (128_000, 786_432, 8_000),
)
"""milli-CPU, MiB, thousandths of GPUs of the commonest nodes of the trace."""
NODE_SHARES = (0.36, 0.25, 0.08, 0.07, 0.04, 0.03)
CPU_AT = (
    (0.0, 0.05, 0.24, 0.241, 0.32, 0.321, 0.42, 0.421, 0.70, 0.78, 0.90, 0.95, 1.0),
    (1.0, 3.15, 3.152, 4.0, 4.0, 8.0, 8.0, 11.3, 11.9, 12.0, 16.4, 24.2, 32.0),
)
"""Quantiles of the CPU that pods request, cores."""
MEM_AT = ((0.0, 0.05, 0.25, 0.50, 0.75, 0.90, 0.95, 1.0), (2.0, 5.5, 14.9, 40.6, 48.0, 57.0, 63.0, 120.0))
"""Quantiles of their memory, GiB; the rank correlation with CPU is 0.85."""
QOS = ((0, 0.42), (1, 0.012), (2, 0.568))
"""Priorities of the classes BE, Burstable and LS, and how common they are."""
RUN_MEAN = 1.35
"""Mean length of a run of identical pods: replicas of one service."""


@dataclass(frozen=True)
class Recipe:
    """How a cluster is drawn.

    nodes, pods_per_node: ranges.  asked: all requests over all that can be allocated, of the scarcest resource.
    tiers: how many priorities (uniform).  arrived: share of the pods that came before now.  moves: disruptions allowed,
    share of the running.  labelled: share of the pods that need a label.  spread: share in spread groups.
    """

    kind: Kind
    nodes: tuple[int, int]
    pods_per_node: tuple[int, int] = (4, 12)
    asked: tuple[float, float] = (0.95, 1.05)
    tiers: tuple[int, ...] = (2, 4)
    arrived: tuple[float, float] = (0.85, 0.95)
    moves: tuple[float, float] = (0.05, 0.10)
    labelled: float = 0.0
    spread: float = 0.0


RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        *[Recipe("uniform", (4, 8))] * 3,
        *[Recipe("uniform", (8, 14), (4, 9), labelled=0.15, spread=0.15)] * 3,
        Recipe("uniform", (5, 8), (10, 16), tiers=(1, 2)),
        *[Recipe("alibaba", (6, 12))] * 3,
    ),
    Split.VALIDATION: (
        *[Recipe("uniform", (4, 10), tiers=(1, 2, 4))] * 4,
        *[Recipe("uniform", (8, 14), (4, 8), labelled=0.15, spread=0.15)] * 4,
        *[Recipe("uniform", (4, 7), (10, 20))] * 2,
        *[Recipe("alibaba", (6, 14))] * 4,
    ),
    # More asked than there is, larger clusters and pods, more that restricts.
    Split.TEST: (
        *[Recipe("uniform", (5, 10), asked=(1.05, 1.20), tiers=(2, 4))] * 3,
        *[Recipe("uniform", (10, 16), (4, 7), asked=(1.0, 1.2), labelled=0.25, spread=0.25)] * 2,
        Recipe("uniform", (5, 8), (16, 24), tiers=(4,)),
        *[Recipe("alibaba", (8, 20), asked=(1.0, 1.2), spread=0.2)] * 3,
        # The same again: one pod is worth up to the whole of a case, so that few cases tell little.
        *[Recipe("uniform", (5, 10), asked=(1.05, 1.20), tiers=(2, 4))] * 4,
        *[Recipe("uniform", (10, 16), (4, 7), asked=(1.0, 1.2), labelled=0.25, spread=0.25)] * 4,
        *[Recipe("uniform", (5, 8), (16, 24), tiers=(4,))] * 2,
        *[Recipe("alibaba", (8, 20), asked=(1.0, 1.2), spread=0.2)] * 5,
    ),
}


@dataclass(frozen=True)
class Draw:
    """What a drawn cluster depends on. name: what chance hangs on."""

    name: str
    recipe: Recipe
    attempt: int


@dataclass(frozen=True)
class Case(Instance):
    """One placement to decide. source: the cluster, or what it is drawn from when it is first needed."""

    source: Draw | Cluster

    @cached_property
    def cluster(self) -> Cluster:
        """Return nodes, pods and the moves allowed."""
        return self.source if isinstance(self.source, Cluster) else drawn(self.source)


def own_case(split: Split, index: int, attempt: int) -> Case:
    """Return an instance of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_case(split, f"{split.value}/{index}", index, attempt)


def drawn_case(split: Split, name: str, index: int, attempt: int) -> Case:
    """Return a case drawn as that of a split with an index. A program is shown all of it: nothing is kept apart."""
    return Case(name, Draw(name, RECIPES[split][index], attempt))


@functools.lru_cache(maxsize=64)
def drawn(draw: Draw) -> Cluster:
    """Draw a cluster; the same for the same arguments, in every process."""
    recipe = draw.recipe
    rng = stream(f"pod_packing/{draw.name}/{draw.attempt}")
    nodes = int(rng.integers(recipe.nodes[0], recipe.nodes[1] + 1))
    asked = rng.uniform(*recipe.asked)
    if recipe.kind == "uniform":
        count = nodes * int(rng.integers(recipe.pods_per_node[0], recipe.pods_per_node[1] + 1))
        request, priority, run = uniform_pods(rng, count, int(rng.choice(recipe.tiers)))
        each = np.ceil(request.sum(axis=0) / asked / nodes).astype(np.int64)
        capacity = np.broadcast_to(each, (nodes, 3)).copy()
    else:
        chosen = rng.choice(len(NODE_TYPES), nodes, p=np.array(NODE_SHARES) / sum(NODE_SHARES))
        capacity = np.array(NODE_TYPES, dtype=np.int64)[chosen]
        request, priority, run = alibaba_pods(rng, capacity, asked)
    return arrived(rng, recipe, capacity, request, priority, run)


def uniform_pods(rng: np.random.Generator, count: int, tiers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return requests (n, 3) int, priorities (n,) and the service (n,) of each pod."""
    request = rng.integers(100, 1001, (count, 3))
    request[:, 2] = 0
    return request, rng.integers(0, tiers, count), np.arange(count) // 3


def alibaba_pods(
    rng: np.random.Generator, capacity: np.ndarray, asked: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return requests (n, 3) int, priorities (n,) and the service (n,) of each pod, until `asked` is asked.

    A pod that no node could hold is not drawn.
    """
    total, sums = np.maximum(capacity.sum(axis=0), 1), np.zeros(3)
    requests, priorities, run = [], [], []
    while (sums / total).max() < asked:
        rank = rng.random()
        other = abs(rank + rng.normal(0.0, 0.17))
        other = min(other, abs(2 - other))  # reflected at both ends: uniform again
        cpu = round(1000 * float(np.interp(rank, *CPU_AT)))
        mem = round(1024 * float(np.interp(other, *MEM_AT)))
        kind = rng.random()
        gpu = 0 if kind < 0.13 else int(rng.integers(5, 96)) * 10 if kind < 0.51 else 1000 if kind < 0.995 else 8000
        need = np.array([cpu, mem, gpu])
        if not (capacity >= need).all(axis=1).any():
            continue
        service = run[-1] + 1 if run else 0
        priority = int(rng.choice([p for p, _ in QOS], p=[share for _, share in QOS]))
        for _ in range(int(rng.geometric(1 / RUN_MEAN))):
            requests.append(need)
            priorities.append(priority)
            run.append(service)
            sums += need
    return np.array(requests), np.array(priorities), np.array(run)


def arrived(
    rng: np.random.Generator,
    recipe: Recipe,
    capacity: np.ndarray,
    request: np.ndarray,
    priority: np.ndarray,
    run: np.ndarray,
) -> Cluster:
    """Draw labels and spread groups, and let the default scheduler place the first of the pods."""
    count = len(request)
    labels = rng.integers(0, 4, len(capacity)).astype(np.uint64)
    labels[:2] = 3
    needs = np.where(rng.random(count) < recipe.labelled, rng.integers(1, 3, count), 0).astype(np.uint64)
    spread = rng.random(int(run.max()) + 1) < recipe.spread
    group = np.where(spread[run] & (np.bincount(run)[run] <= len(capacity)), run, -1)
    nodes = Nodes(*capacity.T.copy(), labels)
    nodes, plain = Nodes(*capacity.T.copy(), labels), np.full(count, -1)
    pods = Pods(*request.T.copy(), priority, plain, needs, group)
    return first_placed(nodes, pods, rng.uniform(*recipe.arrived), rng.uniform(*recipe.moves))


def first_placed(node: Nodes, pod: Pods, share: float, moves: float) -> Cluster:
    """Return a cluster on which the default scheduler has placed the first pods, a share of all.

    moves: how many of those that run may be disturbed, a share of them.
    """
    came = round(share * len(pod.priority))
    columns = [getattr(pod, name) for name in pod.__struct_fields__]
    node_now = np.full(len(pod.priority), -1)
    node_now[:came] = default.place(node, Pods(*(column[:came] for column in columns)), 0)
    columns[pod.__struct_fields__.index("node_now")] = node_now
    return Cluster(node, Pods(*columns), max(1, round(moves * int((node_now >= 0).sum()))))
