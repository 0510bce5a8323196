"""What runs on every node, by priority, and who waits. No simpy: nothing happens in time."""

from __future__ import annotations

import numpy as np

from evaluators.pod_packing.cluster import RESOURCES, Cluster, running
from evolve.picture import Bar, Bars, Interval, Lane, Lanes, Mark, Picture


def drawn(name: str, cluster: Cluster, placed: np.ndarray, reached: float) -> Picture:
    """Return the scarcest resource of every node with its pods side by side, and the pods of each priority."""
    asked = cluster.request.sum(axis=0) / np.maximum(cluster.capacity.sum(axis=0), 1)
    k = int(asked.argmax())
    lanes = []
    for node in range(len(cluster.capacity)):
        at, held = 0, []
        for pod in np.flatnonzero(placed == node).tolist():
            size, before = int(cluster.request[pod, k]), int(cluster.pod.node_now[pod])
            priority = int(cluster.pod.priority[pod])
            came = "stays" if before == node else "new" if before < 0 else f"moved from node {before}"
            held.append(Interval(at, at + size, f"priority {priority}", f"pod {pod}: {size} {RESOURCES[k]}, {came}"))
            at += size
        lanes.append(Lane(f"node {node}", tuple(held)))
    capacity = cluster.capacity[:, k]
    marks = (Mark(float(capacity[0]), "capacity"),) if (capacity == capacity[0]).all() else ()
    bars = []
    for tier, runs in zip(cluster.tiers, running(cluster, placed), strict=True):
        of = int((cluster.pod.priority == tier).sum())
        bars.append(Bar(f"priority {tier}", runs / of, text=f"{runs} of {of} run"))
    return Picture(
        f"{name}: value {reached:.4f}",
        (
            Lanes(f"{RESOURCES[k]} of each node", RESOURCES[k], tuple(lanes), marks),
            Bars("Pods that run", "share of the pods of a priority", tuple(bars)),
        ),
        "The scarcest resource is drawn; the others restrict as well.",
    )
