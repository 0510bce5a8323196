"""The formulas: how hard the models on a GPU press on the memory that their weights leave to the KV cache.

Plain Python, not numpy and not simpy: nothing happens in time, and a case has some hundred models at most.

Vocabulary: a model's *demand* is rate / slo, requests/s per second of its latency objective; a GPU's *pressure* is the
demand of its models over the GB they leave free, (requests/s)/s per GB.
Source: Yu 2025 (Prism, arXiv 2505.04021), KV pressure ratio; Cheng 2025 (arXiv 2510.06189) for the benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evolve.evaluator import Record

GPU_GB = 80
"""Memory of every GPU."""
FULL_PRESSURE = 1e6
"""Pressure of a GPU whose weights leave no memory."""


class Model(Record, frozen=True):
    """One model to place.

    size_gb: memory of its weights, > 0.  rate: requests/s, >= 0.  slo: latency objective, s, > 0.
    """

    size_gb: float
    rate: float
    slo: float


@dataclass(frozen=True)
class Gpu:
    """What one GPU carries.

    Attributes:
        models: indices of its models, rising.
        used_gb: memory of their weights.
        demand: sum of rate / slo, added in the order of the models.
    """

    models: tuple[int, ...]
    used_gb: float
    demand: float

    @property
    def pressure(self) -> float:
        """Return demand / free memory; 0 for an empty GPU, FULL_PRESSURE when no memory is free."""
        return pressure(self.demand, GPU_GB - self.used_gb)


def pressure(demand: float, free_gb: float) -> float:
    """Return the pressure of `demand` on `free_gb`; FULL_PRESSURE when that is 0 or less."""
    return demand / free_gb if free_gb > 0 else FULL_PRESSURE


def loaded(models: Sequence[Model], gpu_of: Sequence[int], num_gpus: int) -> list[Gpu]:
    """Return what every GPU carries. gpu_of: (models,) int, the GPU of each model, 0 <= gpu_of < num_gpus."""
    held: list[list[int]] = [[] for _ in range(num_gpus)]
    used: list[float] = [0] * num_gpus
    demand: list[float] = [0] * num_gpus
    for index, (model, gpu) in enumerate(zip(models, gpu_of, strict=True)):
        held[gpu].append(index)
        used[gpu] += model.size_gb
        demand[gpu] += model.rate / model.slo
    return [Gpu(tuple(h), u, d) for h, u, d in zip(held, used, demand, strict=True)]


def round_robin_pressure(models: Sequence[Model], num_gpus: int) -> float:
    """Return the highest pressure when model j is on GPU j mod num_gpus, whether its memory suffices or not."""
    return max(gpu.pressure for gpu in loaded(models, [j % num_gpus for j in range(len(models))], num_gpus))


def pressure_bound(models: Sequence[Model], num_gpus: int) -> float:
    """Return total demand / total free memory: no placement has a lower highest pressure.

    The highest of some ratios is never below their mean weighted by the denominators, which is this one.
    """
    demand: float = sum(model.rate / model.slo for model in models)
    return pressure(demand, GPU_GB * num_gpus - sum(model.size_gb for model in models))


def case_score(round_robin: float, bound: float, highest: float) -> float:
    """Return the published score of one case, 0 to 100, from the highest pressures.

    Source: Cheng 2025 (arXiv 2510.06189), the public model-placement benchmark.
    """
    if round_robin <= bound:
        return 100.0 if highest <= bound else 0.0
    share = (round_robin - highest) / (round_robin - bound)
    return 100.0 * math.sqrt(min(max(share, 0.0), 1.0))
