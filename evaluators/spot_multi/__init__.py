"""Can't-be-late scheduling on spot instances of several zones (Wu et al., NSDI 2024)."""

from evaluators.spot_multi.evaluator import SpotMulti

__all__ = ["SpotMulti"]
