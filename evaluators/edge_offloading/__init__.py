"""Where to compute a task, edge or cloud, for any weight of delay against energy (several objectives, one score)."""

from evaluators.edge_offloading.evaluator import EdgeOffloading

__all__ = ["EdgeOffloading"]
