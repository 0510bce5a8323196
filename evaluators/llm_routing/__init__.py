"""Routing requests to the replicas of a language model (Mooncake, Llumnix, AIBrix, Dynamo, DualMap)."""

from evaluators.llm_routing.evaluator import LlmRouting

__all__ = ["LlmRouting"]
