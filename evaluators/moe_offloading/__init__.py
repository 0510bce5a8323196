"""Which experts of a mixture are on the GPU, which are loaded, and which the CPU computes."""

from evaluators.moe_offloading.evaluator import MoeOffloading

__all__ = ["MoeOffloading"]
