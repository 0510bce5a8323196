"""What a run has used up, and whether there is room for one more step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from evolve.archive import CallTotals
from evolve.config import Budget
from evolve.observer import Progress

BARREN_STEPS = 200
"""Steps in a row without a new program to evaluate after which a run gives up."""


class Room(Enum):
    """LATER: what is in flight may use up the rest; ask again when some of it has ended. NO: the run is done."""

    YES = "yes"
    LATER = "later"
    NO = "no"


@dataclass(frozen=True)
class Spent:
    """What an earlier session of the run left behind. All of it zero in a new run.

    evaluations: children scored.  calls: all model calls.  settled_calls: those of steps that choices know of.
    barren_steps: how many of the latest of these steps gave nothing to evaluate.
    """

    evaluations: int = 0
    calls: CallTotals = field(default_factory=CallTotals)
    settled_calls: CallTotals = field(default_factory=CallTotals)
    barren_steps: int = 0
    active_s: float = 0.0


class Ledger:
    """Counts evaluations, money and time against the budget.

    Two sums of money are kept: of all calls that ended, and of those of settled steps only. In a deterministic run
    choices may depend on settled steps alone, or else the speed of a model would decide where the run ends.
    calling, evaluating: the steps in flight, by what they wait for.  best: (id, train score) so far.
    """

    def __init__(self, budget: Budget, spent: Spent, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget
        self.evaluations = spent.evaluations
        self.session_evaluations = 0
        self.calls = spent.calls.answered + spent.calls.failed
        self.tokens = spent.calls.prompt_tokens + spent.calls.completion_tokens
        self.cost_usd = spent.calls.cost_usd
        self._settled_calls = spent.settled_calls.answered + spent.settled_calls.failed
        self._settled_usd = spent.settled_calls.cost_usd
        self.barren_steps = spent.barren_steps
        self.best: tuple[int, float] | None = None
        self.calling: set[int] = set()
        self.evaluating: set[int] = set()
        self._active_before_s = spent.active_s
        self._clock = clock
        self._began_s = clock()

    @property
    def session_s(self) -> float:
        """Seconds of this session."""
        return self._clock() - self._began_s

    @property
    def active_s(self) -> float:
        """Seconds of work on the run, all sessions together."""
        return self._active_before_s + self.session_s

    def beats_best(self, program_id: int, score: float | None) -> bool:
        """Take a train score; return whether it is the best so far, strictly."""
        if score is None or (self.best is not None and score <= self.best[1]):
            return False
        self.best = (program_id, score)
        return True

    def progress(self) -> Progress:
        """Return where the run stands."""
        return Progress(
            evaluations=self.evaluations,
            target=self.budget.evaluations,
            best_id=None if self.best is None else self.best[0],
            best_score=None if self.best is None else self.best[1],
            calls_in_flight=len(self.calling),
            evaluations_in_flight=len(self.evaluating),
            model_calls=self.calls,
            tokens=self.tokens,
            cost_usd=self.cost_usd,
            active_s=self.active_s,
            session_s=self.session_s,
            session_evaluations=self.session_evaluations,
        )

    def count_call(self, tokens: int, cost_usd: float) -> None:
        """Count a model call that ended."""
        self.calls += 1
        self.tokens += tokens
        self.cost_usd += cost_usd

    def count_evaluation(self) -> None:
        """Count a child that was scored."""
        self.evaluations += 1
        self.session_evaluations += 1

    def settle(self, scored: bool, called: bool, cost_usd: float) -> None:
        """Count a step among those that later choices know of. called: a model was asked."""
        self.barren_steps = 0 if scored else self.barren_steps + 1
        self._settled_calls += called
        self._settled_usd += cost_usd

    def room(self, in_flight: int, unsettled: int) -> tuple[Room, str]:
        """Return whether one more step may begin, and why not.

        in_flight: steps that have not ended.  unsettled: steps that were begun and are not settled.
        """
        budget = self.budget
        if budget.evaluations is not None:
            if self.evaluations >= budget.evaluations:
                return Room.NO, f"all {budget.evaluations} evaluations are done"
            if self.evaluations + in_flight >= budget.evaluations:
                return Room.LATER, ""
        if budget.minutes is not None and self.active_s >= 60 * budget.minutes:
            return Room.NO, f"the {budget.minutes:g} minutes are used up"
        if self.barren_steps >= BARREN_STEPS:
            return Room.NO, (
                f"the last {self.barren_steps} steps gave no new program to evaluate: "
                "duplicates, unreadable answers or failed calls"
            )
        return self._room_for_money(in_flight, unsettled)

    def _room_for_money(self, in_flight: int, unsettled: int) -> tuple[Room, str]:
        limit = self.budget.cost_usd
        if limit is None:
            return Room.YES, ""
        # A call's price is known when it ends: what is in flight, and the next call, are taken at the mean so far.
        expected = self._settled_usd + (unsettled + 1) * self._settled_usd / max(1, self._settled_calls)
        if expected <= limit and self._settled_usd < limit:
            return Room.YES, ""
        if in_flight:
            return Room.LATER, ""
        if self.cost_usd + self.cost_usd / max(1, self.calls) <= limit:
            return Room.YES, ""
        return Room.NO, f"the budget of ${limit:g} is used up (${self.cost_usd:.4g} spent)"
