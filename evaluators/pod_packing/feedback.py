"""The sentences that would help a person to improve a placement: who does not run, and what is left free for it."""

from __future__ import annotations

import numpy as np

from evaluators.pod_packing.cluster import RESOURCES, Cluster, disrupted, running
from evaluators.pod_packing.figures import Figures


def explain(cluster: Cluster, placed: np.ndarray, naive: np.ndarray, reached: float, figures: Figures) -> str:
    """Say how many pods of each priority run, what was disrupted, and what stands in the way of the first pending."""
    asked = [int((cluster.pod.priority == tier).sum()) for tier in cluster.tiers]
    ours, theirs = (running(cluster, one) for one in (placed, naive))
    tiers = ", ".join(f"{a} of {n} ({b})" for a, b, n in zip(ours, theirs, asked, strict=True))
    facts = [
        f"value {reached:.4f} (default {figures.naive:.4f}, reference {figures.reference:.4f}"
        f"{', the optimum' if figures.proved else ''}); running by priority, highest first (by default): {tiers}",
        f"{disrupted(cluster, placed)} of {cluster.moves_allowed} disruptions used",
    ]
    waiting = np.flatnonzero(placed < 0)
    if waiting.size:
        facts.append(_in_the_way(cluster, placed, int(waiting[cluster.pod.priority[waiting].argmax()])))
    return "; ".join(facts) + "."


def _in_the_way(cluster: Cluster, placed: np.ndarray, pod: int) -> str:
    """Say on which node a pending pod is nearest to fitting, and what is short there."""
    free = cluster.capacity.copy()
    np.subtract.at(free, placed[placed >= 0], cluster.request[placed >= 0])
    need, labels = cluster.request[pod], cluster.pod.needs_labels[pod]
    said = f"pod {pod} (priority {int(cluster.pod.priority[pod])}) does not run"
    allowed = (cluster.node.labels & labels) == labels
    group = cluster.pod.spread_group[pod]
    if group >= 0:
        allowed[placed[(cluster.pod.spread_group == group) & (placed >= 0)]] = False
    if not allowed.any():
        return f"{said}: no node has its labels and no pod of its group"
    short = np.maximum(need - free, 0)
    node = int(np.where(allowed, (short / np.maximum(cluster.capacity, 1)).sum(axis=1), np.inf).argmin())
    if not short[node].any():
        return f"{said}, though it fits on node {node}"
    lacks = ", ".join(
        f"{int(lack)} of {int(wants)} {name}"
        for lack, wants, name in zip(short[node], need, RESOURCES, strict=True)
        if lack
    )
    total = free.sum(axis=0)
    spare = ", ".join(f"{int(amount)} {name}" for amount, name in zip(total, RESOURCES, strict=True) if amount)
    return f"{said}: node {node} comes nearest and lacks {lacks}; all nodes together have {spare or 'nothing'} free"
