"""On which storage device a page lives: fast and small, or slow and large (Sibyl, ISCA 2022; Harmonia)."""

from evaluators.hybrid_storage.evaluator import HybridStorage

__all__ = ["HybridStorage"]
