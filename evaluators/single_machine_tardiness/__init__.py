"""One machine, jobs with due dates: least total (weighted) tardiness (Potts & Van Wassenhove; Lawler)."""

from evaluators.single_machine_tardiness.evaluator import SingleMachineTardiness

__all__ = ["SingleMachineTardiness"]
