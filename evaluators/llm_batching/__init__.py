"""Planning the iterations of a language model engine (Orca, vLLM, Sarathi, Past-Future, JITServe)."""

from evaluators.llm_batching.evaluator import LlmBatching

__all__ = ["LlmBatching"]
