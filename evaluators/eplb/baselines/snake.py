"""Snake: replicate the experts that are fullest per replica, sort, deal to the GPUs there and back.

Source: folded (boustrophedon) dealing, the usual O(n log n) stand-in for largest-first packing; the evolved programs of
Cheng 2025 (arXiv 2510.06189), expert placement, found it too. The replicas come from one sort, too: every
expert has one, and the others go to the experts above the mean, in proportion.
"""

import numpy as np


def replicate(weight: np.ndarray, num_replicas: int) -> np.ndarray:
    """(rows, experts) tokens -> (rows, experts) replicas: one each, the others by largest remainder."""
    extra = num_replicas - weight.shape[1]
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    # What an expert should have beyond its first replica; the experts below the mean want none.
    wanted = np.maximum(weight / total * num_replicas - 1.0, 0.0) + 1e-12
    wanted *= extra / wanted.sum(axis=1, keepdims=True)
    counts = np.floor(wanted).astype(np.int64)
    left = extra - counts.sum(axis=1)
    rank = np.argsort(np.argsort(counts - wanted, axis=1, kind="stable"), axis=1)
    replicas: np.ndarray = 1 + counts + (rank < left[:, None])
    return replicas


def rebalance(weight: np.ndarray, num_replicas: int, num_groups: int, num_nodes: int, num_gpus: int) -> np.ndarray:
    layers, experts = weight.shape
    counts = replicate(weight, num_replicas)
    everyone = np.tile(np.arange(experts), layers)
    replicas = np.repeat(everyone, counts.ravel()).reshape(layers, num_replicas)
    share = np.take_along_axis(weight / counts, replicas, axis=1)
    falling = np.take_along_axis(replicas, np.argsort(-share, axis=1), axis=1)
    rounds = falling.reshape(layers, num_replicas // num_gpus, num_gpus).copy()
    rounds[:, 1::2] = rounds[:, 1::2, ::-1]
    return rounds.transpose(0, 2, 1).reshape(layers, num_replicas)
