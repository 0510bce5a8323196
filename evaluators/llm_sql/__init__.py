"""llm_sql: row and column order of a table for prefix-cache hits of a language model."""

from evaluators.llm_sql.evaluator import LlmSql

__all__ = ["LlmSql"]
