"""When to keep, start and stop instances of serverless functions (Shahrad et al. 2020; Joosen et al. 2025)."""

from evaluators.serverless_autoscaling.evaluator import ServerlessAutoscaling

__all__ = ["ServerlessAutoscaling"]
