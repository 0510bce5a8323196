"""Resource-constrained project scheduling (PSPLIB, Kolisch & Sprecher 1997; R-ConstraintBench, arXiv 2508.15204)."""

from evaluators.rcpsp.evaluator import Rcpsp

__all__ = ["Rcpsp"]
