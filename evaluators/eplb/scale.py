"""What scores 0 and what scores 100 on an instance: the naive and the reference placement.

Naive: expert e in slot e, the first experts again in the slots left over (`baselines/identity.py`).
Reference: `baselines/flat_greedy_swaps.py`: flat greedy, then swaps of two replicas between the fullest GPU of a layer
and another one, for as long as they lower the fullest, at most SWAP_STEPS a layer (steps and not seconds, so that the
figure is the same on every machine). On all drawn instances no such swap is left after 300 steps and 1 s, well within
the 2 s that it may take. It knows what a candidate knows: the window seen, not the one it is scored on.

`python -m evaluators.eplb.reference` writes reference.json for the drawn instances. For `--data` files the figures
are computed on first use, 0.4 s an instance of the default cluster (at most about 4 s), and kept in the user's cache
folder.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluators.eplb.balance import balancedness, gpu_loads
from evaluators.eplb.baselines.flat_greedy_swaps import rebalance as flat_greedy_swaps
from evaluators.eplb.baselines.identity import rebalance as identity
from evaluators.eplb.workload import Cluster, EplbInstance, Windows
from evaluators.kept_figures import computed_once

VERSION = 2
"""Raise it when the naive or the reference placement changes: figures of an older version are then not used."""
BUNDLED = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Figures:
    """Balancedness of placements.

    Attributes:
        naive, reference: of these two, on the window that is scored.
        reference_seen: of the reference on the window that it was given.
        foresight: on the window that is scored, of the reference when it is given that one. Only swaps of three or more
            replicas would do better: near enough to what can be reached to show what drift takes.
    """

    naive: float
    reference: float
    reference_seen: float
    foresight: float


def naive_placement(seen: np.ndarray, cluster: Cluster) -> np.ndarray:
    """Return the naive placement. seen: (layers, experts) float64.  Returns (layers, replicas) int64."""
    slots: np.ndarray = identity(seen, cluster.replicas, cluster.groups, cluster.nodes, cluster.gpus)
    return slots


def reference_placement(seen: np.ndarray, cluster: Cluster) -> np.ndarray:
    """Return the reference placement. seen: (layers, experts) float64, tokens.  Returns (layers, replicas) int64."""
    slots: np.ndarray = flat_greedy_swaps(seen, cluster.replicas, cluster.groups, cluster.nodes, cluster.gpus)
    return slots


def compute(windows: Windows, cluster: Cluster) -> Figures:
    """Compute the figures of an instance: 0.4 s for the default cluster."""
    naive = naive_placement(windows.seen, cluster)
    reference = reference_placement(windows.seen, cluster)
    foresight = reference_placement(windows.scored, cluster)
    return Figures(
        balancedness(gpu_loads(naive, windows.scored, cluster.gpus)),
        balancedness(gpu_loads(reference, windows.scored, cluster.gpus)),
        balancedness(gpu_loads(reference, windows.seen, cluster.gpus)),
        balancedness(gpu_loads(foresight, windows.scored, cluster.gpus)),
    )


def figures(instance: EplbInstance) -> Figures:
    """Return the figures of an instance: bundled, else from the user's cache, else computed now and cached.

    What is looked up is the hash of the windows themselves, so a figure can never belong to other windows.
    """
    windows = instance.windows()
    key = windows.fingerprint(instance.cluster)
    known = _bundled().get(key)
    if known is not None:
        return known
    return computed_once(
        "eplb", key, Figures, instance.id, lambda: compute(windows, instance.cluster), stamp={"version": VERSION}
    )


@functools.cache
def _bundled() -> dict[str, Figures]:
    try:
        content = json.loads(BUNDLED.read_text(encoding="utf-8"))
    except FileNotFoundError:  # only while `python -m evaluators.eplb.reference` makes it
        return {}
    if content["version"] != VERSION:
        return {}
    return {row.pop("windows"): Figures(**row) for row in content["instances"].values()}
