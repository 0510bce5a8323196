"""The figures of a served case: what a policy is scored by, and the raw ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluators.pd_disaggregation.fleet import SECOND_NS, TPOT_SLO_S, Case
from evaluators.pd_disaggregation.record import Service
from evaluators.serving import Role

GPUS = 8
"""Of an instance."""


@dataclass(frozen=True)
class Times:
    """How long requests took: (n,) float64 each.

    ttft_s, tpot_s: to the first token; between later ones.  ttft_ratio, tpot_ratio: those over their SLOs.
    credit: 1 when both are within, falling to 0 where the worse one is twice its SLO.
    """

    ttft_s: np.ndarray
    tpot_s: np.ndarray
    ttft_ratio: np.ndarray
    tpot_ratio: np.ndarray
    credit: np.ndarray

    @property
    def cost(self) -> float:
        """What is scored: 1 - mean credit, less is better."""
        return 1.0 - float(self.credit.mean())


def times_of(case: Case, service: Service) -> Times:
    """Return how long the requests of a served case took."""
    ttft_s = np.array([job.ttft_ns for job in service.jobs]) / SECOND_NS
    tpot_s = np.array([job.tpot_ns for job in service.jobs]) / SECOND_NS
    first, later = ttft_s / np.array(case.ttft_slo_s), tpot_s / TPOT_SLO_S
    credit = np.clip(2.0 - np.maximum(first, later), 0.0, 1.0)
    return Times(ttft_s, tpot_s, first, later, credit)


def metrics_of(case: Case, service: Service, times: Times) -> Mapping[str, float]:
    """Return the raw figures of a served case."""
    good = (times.ttft_ratio <= 1) & (times.tpot_ratio <= 1)
    transfer_s = np.array(service.transfer_ns or [0]) / SECOND_NS
    gpu_h = case.fleet.instances * GPUS * service.end_ns / SECOND_NS / 3600
    found = {
        "cost": times.cost,
        "goodput_share": float(good.mean()),
        "ttft_p50_s": float(np.quantile(times.ttft_s, 0.5)),
        "ttft_p99_s": float(np.quantile(times.ttft_s, 0.99)),
        "tpot_p99_s": float(np.quantile(times.tpot_s, 0.99)),
        "transfer_p99_s": float(np.quantile(transfer_s, 0.99)),
        "switches": float(service.switches),
        "busy_p": busy_share(service, Role.PREFILL),
        "busy_d": busy_share(service, Role.DECODE),
        "gpu_h_per_1k_good": gpu_h / max(int(good.sum()), 1) * 1000,
    }
    if case.shares:  # both sides are counted
        found |= {"busy_shared": busy_share(service, Role.MIXED) / 2, "share_changes": float(service.share_changes)}
    return found


def busy_share(service: Service, role: Role) -> float:
    """Return which share of their time instances of a role were busy; 0 where there were none."""
    whole = sum(row[role] for row in service.role_ns)
    return sum(row[role] for row in service.busy_ns) / whole if whole else 0.0
