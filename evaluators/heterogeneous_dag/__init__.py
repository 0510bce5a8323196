"""Task graphs on unlike processors (HEFT, Topcuoglu et al. 2002; DeepSoCS, Sung et al. 2020; DS3, arXiv 2003.09016)."""

from evaluators.heterogeneous_dag.evaluator import HeterogeneousDag

__all__ = ["HeterogeneousDag"]
