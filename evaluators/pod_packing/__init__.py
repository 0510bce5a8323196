"""Placing pods with priorities on a full Kubernetes cluster, with few disruptions (Christensen et al., 2025)."""

from evaluators.pod_packing.evaluator import PodPacking

__all__ = ["PodPacking"]
