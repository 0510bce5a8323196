"""Pools of prefill and decode instances of a language model (DistServe, Splitwise, Mooncake, P/D-Serve, xLLM)."""

from evaluators.pd_disaggregation.evaluator import PdDisaggregation

__all__ = ["PdDisaggregation"]
