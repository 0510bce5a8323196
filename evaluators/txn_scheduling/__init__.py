"""Order conflicting transactions so that all are done early (Cheng et al., VLDB 2024)."""

from evaluators.txn_scheduling.evaluator import TxnScheduling

__all__ = ["TxnScheduling"]
