"""Reading an answer, and the rules that a placement keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluators.pod_packing.cluster import RESOURCES, Cluster, disrupted
from evolve.evaluator import Infeasible, index_array


def checked(answer: Any, cluster: Cluster) -> np.ndarray:
    """Read an answer as the node of each pod, (n,) int, -1: not running. Raises Infeasible: pod and amount."""
    count, nodes = len(cluster.request), len(cluster.capacity)
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "iu":
        answer = answer.tolist()
    if isinstance(answer, list):
        for pod, node in enumerate(answer):
            # numpy would take True for 1 in a list that also holds whole numbers, and 2**63 for a float.
            if type(node) is not int or not -1 <= node < nodes:
                raise Infeasible(
                    f"the node of pod {pod} is {node!r:.40} ({type(node).__name__}), "
                    f"expected a whole number (int) in -1..{nodes - 1}"
                )
        answer = [node + 1 for node in answer]
    placed = index_array(answer, (count,), nodes + 1, "1 + the node of pod") - 1
    wrong = broken(cluster, placed)
    if wrong:
        raise Infeasible(wrong)
    stopped = disrupted(cluster, placed)
    if stopped > cluster.moves_allowed:
        raise Infeasible(f"{stopped} running pods are stopped or moved, at most {cluster.moves_allowed} may be")
    return placed


def broken(cluster: Cluster, placed: np.ndarray) -> str:
    """Return which rule a placement breaks, but for the number of disruptions; empty where it keeps to all of them.

    placed: (n,) int, the node of each pod, -1: not running.
    """
    runs = np.flatnonzero(placed >= 0)
    used = np.zeros_like(cluster.capacity)
    np.add.at(used, placed[runs], cluster.request[runs])
    over = np.argwhere(used > cluster.capacity)
    if over.size:
        node, k = over[0].tolist()
        there = runs[placed[runs] == node]
        return (
            f"the {there.size} pods on node {node} request {used[node, k]} {RESOURCES[k]}, "
            f"it has {cluster.capacity[node, k]} ({len(set(over[:, 0].tolist()))} nodes are over)"
        )
    labels, needs = cluster.node.labels[placed[runs]], cluster.pod.needs_labels[runs]
    lacking = runs[(labels & needs) != needs]
    if lacking.size:
        return f"pod {lacking[0]} needs labels that node {placed[lacking[0]]} does not have"
    first: dict[tuple[int, int], int] = {}
    for pod in runs[cluster.pod.spread_group[runs] >= 0].tolist():
        key = int(cluster.pod.spread_group[pod]), int(placed[pod])
        if first.setdefault(key, pod) != pod:
            return f"pods {first[key]} and {pod} of spread group {key[0]} are both on node {key[1]}"
    return ""
