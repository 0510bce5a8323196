"""Flat greedy, then swaps of two replicas between the fullest GPU of a layer and another one: the reference.

Its balance scores 100; as a program it pays for the time that the swaps take (`--set evaluator.cpu_weight=0` does not
count it). At most SWAP_STEPS a layer, and no clock: the answer is the same on every machine.

Source: replication and packing, DeepSeek EPLB (github.com/deepseek-ai/EPLB, 2025), the global policy, as in
flat_greedy.py; pairwise swaps as in Finn 1979 (BIT 19) for parallel machines.
"""

import numpy as np

SWAP_STEPS = 1500
SMALLEST_GAIN = 1e-9  # share of its tokens that a swap must take off the fullest GPU: rounding must not run in circles


def replicate(weight: np.ndarray, num_replicas: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, experts) tokens -> (rows, num_replicas) expert of each replica, (rows, experts) replicas of each."""
    rows, experts = weight.shape
    row = np.arange(rows)
    replicas = np.empty((rows, num_replicas), dtype=np.int64)
    replicas[:, :experts] = np.arange(experts)
    counts = np.ones((rows, experts), dtype=np.int64)
    share = weight.astype(np.float64)
    for slot in range(experts, num_replicas):
        fullest = share.argmax(axis=1)
        replicas[:, slot] = fullest
        counts[row, fullest] += 1
        share[row, fullest] = weight[row, fullest] / counts[row, fullest]
    return replicas, counts


def pack(size: np.ndarray, num_packs: int) -> np.ndarray:
    """(rows, items) sizes -> (rows, items) item of each place; places of pack p: [p * n, (p + 1) * n), n = items/packs.

    Largest item first, to the pack that is least full among those with room.
    """
    rows, items = size.shape
    room = items // num_packs
    row = np.arange(rows)
    falling = np.argsort(-size, axis=1, kind="stable")
    sizes = np.take_along_axis(size, falling, axis=1).T.copy()
    full = np.zeros((rows, num_packs))
    held = np.zeros((rows, num_packs), dtype=np.int64)
    places = np.empty((items, rows), dtype=np.int64)
    for turn in range(items):
        least = full.argmin(axis=1)
        rank = held[row, least]
        places[turn] = least * room + rank
        held[row, least] = rank + 1
        full[row, least] += np.where(rank + 1 < room, sizes[turn], np.inf)
    order = np.empty((rows, items), dtype=np.int64)
    np.put_along_axis(order, places.T, falling, axis=1)
    return order


def counts_of(slots: np.ndarray, experts: int) -> np.ndarray:
    """(layers, replicas) experts in slots -> (layers, experts) replicas of each, at least 1."""
    counts = np.zeros((len(slots), experts))
    np.add.at(counts, (np.arange(len(slots))[:, None], slots), 1)
    return np.maximum(counts, 1)


def swapped(seen: np.ndarray, slots: np.ndarray, gpus: int, steps: int) -> np.ndarray:
    """Improve a placement by swaps: each step the one that lowers the higher of the two GPUs' loads most.

    seen: (layers, experts) float64, tokens.  slots: (layers, replicas) int64.  steps: most swaps a layer.
    Returns (layers, replicas) int64: no layer's fullest GPU holds more tokens than before.
    """
    layers, replicas = slots.shape
    room = replicas // gpus
    held = slots.reshape(layers, gpus, room).copy()
    share = seen / counts_of(slots, seen.shape[1])
    size = np.take_along_axis(share, slots, axis=1).reshape(layers, gpus, room)
    full = size.sum(axis=2)
    open_layers = np.arange(layers)
    for _ in range(steps):
        if not open_layers.size:
            break
        row = np.arange(open_layers.size)
        fullest = full[open_layers].argmax(axis=1)
        most = full[open_layers, fullest]
        # (open layers, slot of the fullest GPU, GPU, slot of that GPU): tokens that the swap takes off the fullest.
        moved = size[open_layers, fullest][:, :, None, None] - size[open_layers][:, None, :, :]
        # A swap within the fullest GPU changes nothing; here it counts as no better than before, so it is never taken.
        higher = np.maximum(most[:, None, None, None] - moved, full[open_layers][:, None, :, None] + moved)
        flat = higher.reshape(open_layers.size, -1)
        best = flat.argmin(axis=1)
        better = flat[row, best] < most * (1.0 - SMALLEST_GAIN)
        open_layers, fullest, best = open_layers[better], fullest[better], best[better]
        out, rest = np.divmod(best, gpus * room)
        other, back = np.divmod(rest, room)
        for array in (held, size):
            array[open_layers, fullest, out], array[open_layers, other, back] = (
                array[open_layers, other, back],
                array[open_layers, fullest, out],
            )
        for gpu in (fullest, other):
            full[open_layers, gpu] = size[open_layers, gpu].sum(axis=1)
    return held.reshape(layers, replicas)


def rebalance(weight: np.ndarray, num_replicas: int, num_groups: int, num_nodes: int, num_gpus: int) -> np.ndarray:
    replicas, counts = replicate(weight, num_replicas)
    share = np.take_along_axis(weight / counts, replicas, axis=1)
    slots = np.take_along_axis(replicas, pack(share, num_gpus), axis=1)
    return swapped(weight, slots, num_gpus, SWAP_STEPS)
