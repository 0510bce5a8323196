"""How evenly a placement of experts spreads the tokens over the GPUs: the formulas, all in float64.

numpy, not simpy: a placement is judged on the sums of a window, all layers at once, and nothing happens in time.

Vocabulary: an *expert* is one of a layer's feed-forward networks; a *slot* holds one copy (replica) of one expert;
GPU g owns the slots [g * s, (g + 1) * s), s = slots // gpus. The tokens of an expert are shared evenly by its replicas.
"""

from __future__ import annotations

import math

import numpy as np

CPU_UNIT_S = 1e-3
"""CPU time at which the CPU term is 0, s."""
SHORTEST_CPU_S = 1e-6
"""A shorter CPU time counts as this much: the kernel's clock cannot tell them apart, and 0 has no logarithm."""


def replica_counts(slots: np.ndarray, experts: int) -> np.ndarray:
    """Count the slots that hold each expert.

    slots: (layers, slots) int64, the expert in each slot, 0 <= slots < experts.
    Returns (layers, experts) int64, each row summing to the number of slots.
    """
    layers = slots.shape[0]
    flat = (slots + np.arange(layers)[:, None] * experts).ravel()
    return np.bincount(flat, minlength=layers * experts).reshape(layers, experts)


def gpu_loads(slots: np.ndarray, load: np.ndarray, gpus: int) -> np.ndarray:
    """Return the tokens that every GPU gets.

    slots: (layers, slots) int64, the expert in each slot; slots a multiple of gpus.
    load: (layers, experts) float64, tokens per expert in the window.
    Returns (layers, gpus) float64, tokens: the sum over a GPU's slots of load / replicas of the expert in the slot.
    Tokens of an expert without a replica are nobody's: the caller checks for that.
    Source: DeepSeek EPLB; Cheng 2025 (arXiv 2510.06189), expert placement.
    """
    layers, count = slots.shape
    share = load / np.maximum(replica_counts(slots, load.shape[1]), 1)
    tokens: np.ndarray = np.take_along_axis(share, slots, axis=1).reshape(layers, gpus, count // gpus).sum(axis=2)
    return tokens


def balancedness(tokens: np.ndarray) -> float:
    """Return how close the fullest GPUs are to the mean, over all layers: 1 is perfect, 1 / gpus the worst.

    tokens: (layers, gpus) float64, tokens per GPU, >= 0.
    Returns (sum over layers of the mean over GPUs) / (sum over layers of the maximum over GPUs), 0 without any token.
    A layer is as slow as its fullest GPU, so this is the share of GPU time that is not waiting.
    Source: Cheng 2025 (arXiv 2510.06189), the public expert-placement benchmark.
    """
    fullest = math.fsum(tokens.max(axis=1))
    return math.fsum(tokens.mean(axis=1)) / fullest if fullest > 0 else 0.0


def cpu_term(cpu_s: float, weight: float) -> float:
    """Return what CPU time adds to the cost: `weight * log10(cpu / 1 ms) / 3`, below 0 under a millisecond.

    cpu_s: CPU seconds of one call.  weight: cost of 1 s against 1 ms, in units of balancedness.
    """
    return weight * math.log10(max(cpu_s, SHORTEST_CPU_S) / CPU_UNIT_S) / 3.0


def adrs_score(mean_balancedness: float, call_s: float) -> float:
    """Return the public benchmark's score, not clipped: 90 for perfect balance, up to 10 for speed, less when slow.

    mean_balancedness: mean over the instances.  call_s: mean wall seconds of a call, the first included. Its points
    belong to the machine they were measured on and do not compare across machines.
    Source: Cheng 2025 (arXiv 2510.06189), the public expert-placement benchmark.
    """
    speed = 5.0 * min(0.002 / call_s, 2.0) if call_s > 0 else 10.0
    slowness = min(20.0 * call_s, 20.0) if call_s > 0.01 else 0.0
    return 90.0 * mean_balancedness + speed - slowness
