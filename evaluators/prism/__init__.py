"""Placement of language models on GPUs under KV-cache pressure (Yu et al., Prism)."""

from evaluators.prism.evaluator import Prism

__all__ = ["Prism"]
