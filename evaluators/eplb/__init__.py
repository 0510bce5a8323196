"""eplb: expert placement for mixture-of-experts serving."""

from evaluators.eplb.evaluator import Eplb

__all__ = ["Eplb"]
