"""What share of a run's budget is used by the steps that its search knows of: the same however fast a host is."""

from __future__ import annotations

from evolve.config import Budget
from evolve.trial import Trial


class Spending:
    """Counts evaluations, calls, tokens and dollars of trials. Minutes do not count: no choice depends on speed."""

    def __init__(self, budget: Budget) -> None:
        self._totals = (budget.evaluations, budget.calls, budget.tokens, budget.cost_usd)
        self._used = [0.0] * len(self._totals)

    def after(self, trial: Trial) -> float:
        """Take a trial, and return the share of the budget that is used, 0..1: of the total that is nearest."""
        if trial.parent is not None:
            costs = (trial.is_program, trial.called, trial.call_tokens, trial.cost_usd or 0.0)
            self._used = [before + cost for before, cost in zip(self._used, costs, strict=True)]
        shares = (used / total for used, total in zip(self._used, self._totals, strict=True) if total)
        return min(1.0, max(shares, default=0.0))
