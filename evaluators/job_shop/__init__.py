"""Job shops (Fisher & Thompson 1963; Taillard 1993; Brandimarte 1993; Wong et al., arXiv 2302.02506)."""

from evaluators.job_shop.evaluator import JobShop

__all__ = ["JobShop"]
