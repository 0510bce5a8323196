"""What share of a run's budget is used by the steps that its search knows of: the same however fast a host is."""

from __future__ import annotations

import math

from evolve.config import Budget
from evolve.trial import Trial


class Spending:
    """Counts evaluations, calls, tokens and dollars of trials. Minutes do not count: no choice depends on speed.

    share: of the budget that is used, 0..1: of the total that is nearest to its end.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._evaluations = self._calls = self._tokens = 0
        self._usd = self.share = 0.0

    def tell(self, trial: Trial) -> None:
        """Count a step that ended."""
        if trial.parent is None:
            return
        self._evaluations += trial.is_program
        self._calls += trial.called
        self._tokens += trial.call_tokens
        self._usd += trial.cost_usd or 0.0
        budget = self._budget
        self.share = min(
            1.0,
            max(
                self._evaluations / (budget.evaluations or math.inf),
                self._calls / (budget.calls or math.inf),
                self._tokens / (budget.tokens or math.inf),
                self._usd / (budget.cost_usd or math.inf),
            ),
        )
