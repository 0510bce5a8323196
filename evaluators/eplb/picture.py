"""How tokens spread over GPUs: one expert after the other, and as the program places them. No simpy: these are sums."""

from __future__ import annotations

import numpy as np

from evaluators.eplb.balance import balancedness, gpu_loads, replica_counts
from evaluators.eplb.workload import Cluster, Windows
from evolve.picture import Bar, Bars, Line, Matrix, Picture, Series


def drawn(name: str, slots: np.ndarray, windows: Windows, cluster: Cluster, reference: float) -> Picture:
    """Return the load of every GPU and layer, and of the layer that loses most before and after.

    slots: (layers, replicas) int64, the expert in each slot.
    """
    after = gpu_loads(slots, windows.scored, cluster.gpus)
    before = gpu_loads(_in_turn(cluster), windows.scored, cluster.gpus)
    share_after, share_before = (100.0 * x / np.maximum(x.mean(axis=1, keepdims=True), 1e-12) for x in (after, before))
    layer = int((after.max(axis=1) - after.mean(axis=1)).argmax())
    gpus = tuple(f"{gpu}" for gpu in range(cluster.gpus))
    counts = replica_counts(slots, cluster.experts)[layer]
    seen, scored = windows.seen[layer], windows.scored[layer]
    order = np.argsort(-scored, kind="stable")
    total = max(float(scored.sum()), 1.0)
    bars = [
        Bar(f"{word}, GPU {gpu}", float(share[layer, gpu]), kind=word)
        for gpu in np.argsort(-share_after[layer], kind="stable")[:12].tolist()
        for word, share in (("before", share_before), ("after", share_after))
    ]
    return Picture(
        f"{name}: balancedness {balancedness(after):.4f}, before {balancedness(before):.4f}",
        (
            Matrix(
                "Tokens of each GPU",
                "GPU",
                "layer",
                "of the layer's mean (%)",
                tuple(f"{number}" for number in range(cluster.layers)),
                gpus,
                tuple(tuple(float(x) for x in row) for row in share_after),
                ((layer, int(after[layer].argmax())),),
                low=0.0,
                high=max(200.0, float(np.quantile(share_after, 0.999))),
            ),
            Bars(f"Layer {layer}, which loses most: its fullest GPUs", "of the layer's mean (%)", tuple(bars)),
            Series(
                f"The experts of layer {layer}, the one with most tokens first",
                "expert, by its tokens",
                "of the layer's tokens (%)",
                (
                    Line("in the window that is scored", _points(100.0 * scored[order] / total)),
                    Line(
                        "in the window that was seen",
                        _points(100.0 * seen[order] / max(float(seen.sum()), 1.0)),
                        "dots",
                    ),
                    Line("per replica", _points(100.0 * scored[order] / total / np.maximum(counts[order], 1)), "step"),
                ),
            ),
        ),
        f"Before: expert after expert, the first ones twice. The reference has {reference:.4f}. A layer is as slow as "
        "its fullest GPU: the framed cell is the one that loses most.",
    )


def _in_turn(cluster: Cluster) -> np.ndarray:
    """Return the placement that looks at no load, (layers, replicas) int64."""
    row = np.arange(cluster.replicas, dtype=np.int64) % cluster.experts
    return np.tile(row, (cluster.layers, 1))


def _points(values: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(place), float(value)) for place, value in enumerate(values))
