"""Can't-be-late scheduling on spot instances of one zone (Wu et al., NSDI 2024)."""

from evaluators.spot_single.evaluator import SpotSingle

__all__ = ["SpotSingle"]
