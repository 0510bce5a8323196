"""DeepSeek's hierarchical greedy: groups to nodes, replicas within a node, replicas to the node's GPUs.

1. Pack the groups of experts to the nodes, largest first, the same number to each.
2. Within a node, give the spare replicas one by one to the expert with the highest load per replica.
3. Pack the replicas of a node to its GPUs, largest first.
When the nodes do not divide the groups, one group on one node: the global policy.

Source: DeepSeek EPLB (github.com/deepseek-ai/EPLB, 2025). There in float32 and one layer after the other; here in
float64 and all layers at once. Ties may fall differently.
"""

import numpy as np


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
    if room == 1:
        return np.tile(np.arange(items), (rows, 1))
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


def rebalance(weight: np.ndarray, num_replicas: int, num_groups: int, num_nodes: int, num_gpus: int) -> np.ndarray:
    layers, experts = weight.shape
    if num_groups % num_nodes or experts % num_groups:
        num_groups = num_nodes = 1
    group_size = experts // num_groups
    groups = pack(weight.reshape(layers, num_groups, group_size).sum(axis=2), num_nodes)
    # (layers * nodes, experts of a node): which experts are on the node, and their tokens.
    experts_of_node = (groups[:, :, None] * group_size + np.arange(group_size)).reshape(layers * num_nodes, -1)
    tokens = np.take_along_axis(weight, experts_of_node.reshape(layers, experts), axis=1)
    tokens = tokens.reshape(layers * num_nodes, -1)
    replicas, counts = replicate(tokens, num_replicas // num_nodes)
    share = np.take_along_axis(tokens / counts, replicas, axis=1)
    packed = np.take_along_axis(replicas, pack(share, num_gpus // num_nodes), axis=1)
    return np.take_along_axis(experts_of_node, packed, axis=1).reshape(layers, num_replicas)
