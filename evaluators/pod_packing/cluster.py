"""Nodes, pods, and what a placement is worth. Whole numbers, and no simpy: nothing happens in time.

Requests, not use, are packed, as kube-scheduler does. GPUs are in thousandths and summed over a node: which of its GPUs
a share lies on is not modelled.

Value of a placement: sum over the priorities of w_p * running_p / n_p, less 0.05 * disrupted / running before; w_p is
proportional to 4^rank, rank 0 the lowest priority that there is, and their sum is 1. It stands for the lexicographic
objective of Christensen et al. 2025 (Priority Matters): for each priority from the top as many pods as possible, then
few disruptions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluators.kept_figures import digest_of
from evolve.evaluator import Record

DISRUPTION = 0.05
"""What it costs to disrupt all pods that run."""
RESOURCES = ("cpu_milli", "mem_mib", "gpu_milli")


class Nodes(Record, frozen=True):
    """The nodes. cpu_milli, mem_mib, gpu_milli: (N,) int, allocatable.  labels: (N,) uint64, a bit each."""

    cpu_milli: np.ndarray
    mem_mib: np.ndarray
    gpu_milli: np.ndarray
    labels: np.ndarray


class Pods(Record, frozen=True):
    """The pods in the order in which they came, (n,) each.

    cpu_milli, mem_mib, gpu_milli: int, what they request.  priority: int, higher is more important.
    node_now: int, where a pod runs, -1: it is pending.  needs_labels: uint64, bits that its node must have.
    spread_group: int, at most one pod of a group on a node; -1: of none.
    """

    cpu_milli: np.ndarray
    mem_mib: np.ndarray
    gpu_milli: np.ndarray
    priority: np.ndarray
    node_now: np.ndarray
    needs_labels: np.ndarray
    spread_group: np.ndarray


@dataclass(frozen=True, eq=False)
class Cluster:
    """Nodes and pods as they are. moves_allowed: how many running pods may be stopped or moved."""

    node: Nodes
    pod: Pods
    moves_allowed: int

    @cached_property
    def digest(self) -> str:
        """Return a hash of all that is known of the cluster."""
        facts = [getattr(part, name).tolist() for part in (self.node, self.pod) for name in part.__struct_fields__]
        return digest_of((self.moves_allowed, facts))

    @cached_property
    def capacity(self) -> np.ndarray:
        """Return (N, 3) int, what each node has of each resource."""
        return np.stack([getattr(self.node, name) for name in RESOURCES], axis=1)

    @cached_property
    def request(self) -> np.ndarray:
        """Return (n, 3) int, what each pod requests of each resource."""
        return np.stack([getattr(self.pod, name) for name in RESOURCES], axis=1)

    @cached_property
    def tiers(self) -> list[int]:
        """Return the priorities that there are, the highest first."""
        return sorted(set(self.pod.priority.tolist()), reverse=True)

    @cached_property
    def worth(self) -> np.ndarray:
        """Return (n,) float: what it adds to the value that a pod runs, w_p / n_p."""
        tiers, tier = np.unique(self.pod.priority, return_inverse=True)
        weight = 4.0 ** np.arange(tiers.size)
        return (weight / weight.sum() / np.bincount(tier))[tier]

    @cached_property
    def disruption_cost(self) -> float:
        """Return what it costs to disrupt one pod."""
        return DISRUPTION / max(1, int((self.pod.node_now >= 0).sum()))

    def __eq__(self, other: object) -> bool:
        """Return whether two clusters are the same, number by number."""
        return isinstance(other, Cluster) and self.digest == other.digest

    def __hash__(self) -> int:
        """Return a hash of its digest."""
        return hash(self.digest)


def disrupted(cluster: Cluster, placed: np.ndarray) -> int:
    """Return how many pods that run are stopped or moved. placed: (n,) int, the node of each pod, -1: not running."""
    return int(((cluster.pod.node_now >= 0) & (placed != cluster.pod.node_now)).sum())


def running(cluster: Cluster, placed: np.ndarray) -> list[int]:
    """Return how many pods of each priority run, the highest first."""
    return [int(((placed >= 0) & (cluster.pod.priority == tier)).sum()) for tier in cluster.tiers]


def value(cluster: Cluster, placed: np.ndarray) -> float:
    """Return the value of a placement, at most 1."""
    runs = math.fsum(cluster.worth[placed >= 0].tolist())
    return runs - cluster.disruption_cost * disrupted(cluster, placed)


def compared(cluster: Cluster, placed: np.ndarray, other: np.ndarray) -> int:
    """Return 1, 0 or -1: a placement is better than another, as good, worse; priority by priority, then disruptions."""
    first, second = ([*running(cluster, one), -disrupted(cluster, one)] for one in (placed, other))
    return (first > second) - (first < second)


def value_bound(cluster: Cluster) -> float:
    """Return a value that no placement has more than, at most 1.

    Of each resource alone: the pods that run request no more than all nodes have of it, so their worth is at most that
    of the fractional knapsack, the pods with most worth per unit first and one in part; the least over the resources.
    Disruptions count nothing, and a pod whose labels or size no node has never runs.
    """
    fits = np.array(
        [
            bool(((cluster.capacity >= need).all(axis=1) & ((cluster.node.labels & labels) == labels)).any())
            for need, labels in zip(cluster.request, cluster.pod.needs_labels, strict=True)
        ],
        dtype=bool,
    )
    worth = cluster.worth[fits]
    least = math.fsum(worth.tolist())
    for capacity, need in zip(cluster.capacity.sum(axis=0), cluster.request[fits].T, strict=True):
        order = np.argsort(need / worth, kind="stable")
        before = np.cumsum(need[order]) - need[order]
        share = np.clip((capacity - before) / np.maximum(need[order], 1), 0.0, 1.0)
        share[need[order] == 0] = 1.0
        least = min(least, math.fsum((share * worth[order]).tolist()))
    return least
