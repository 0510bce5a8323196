"""Moving virtual machines between hosts: little energy, no overload, few migrations (Beloglazov and Buyya; Sliwko)."""

from evaluators.cloud_balancing.evaluator import CloudBalancing

__all__ = ["CloudBalancing"]
