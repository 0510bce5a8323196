"""One preemptive machine whose jobs reveal their work operation by operation: least mean flow time."""

from evaluators.flow_time.evaluator import FlowTime

__all__ = ["FlowTime"]
