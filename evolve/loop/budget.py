"""What a run has used up, and whether there is room for one more step."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import Enum

from evolve.archive import CallTotals, ModelCall
from evolve.config import Budget
from evolve.loop.barren import Barren
from evolve.observer import Progress
from evolve.trial import Trial
from evolve.words import counted

GRACE_S = 10.0
"""How long the end of a run, by a stop or its minutes, waits for the answers and evaluations that are in flight."""


class Room(Enum):
    """LATER: what is in flight may use up the rest; ask again when some of it has ended. NO: the run is done."""

    YES = "yes"
    LATER = "later"
    NO = "no"


@dataclass(frozen=True)
class Cost:
    """Of model calls: how many, their tokens, their price."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    @classmethod
    def of(cls, call: ModelCall) -> Cost:
        """Return what a call that ended has cost."""
        return cls(1, call.prompt_tokens + call.completion_tokens, call.cost_usd or 0.0)

    @classmethod
    def of_trial(cls, trial: Trial) -> Cost:
        """Return what the call of a step has cost, if it made one."""
        return cls(int(trial.called), trial.call_tokens, trial.cost_usd or 0.0)

    @classmethod
    def of_all(cls, calls: CallTotals) -> Cost:
        """Return what the calls of a run have cost that ended, and what those may have that were cut off."""
        tokens = calls.prompt_tokens + calls.completion_tokens + calls.cut_off_tokens
        return cls(calls.answered + calls.failed, tokens, calls.cost_usd + calls.cut_off_usd)

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def within(self, budget: Budget) -> bool:
        """Tell whether a budget allows this much."""
        return (
            (budget.calls is None or self.calls <= budget.calls)
            and (budget.tokens is None or self.tokens <= budget.tokens)
            and (budget.cost_usd is None or self.usd <= budget.cost_usd)
        )


class Ledger:
    """Counts evaluations, calls, tokens, money and time against the budget.

    A call that is in flight is held at its worst case, so that no budget is exceeded by what comes back. In a
    deterministic run a call stays held until choices know of its step: what they may depend on must not depend on the
    speed of a model.

    stale_evaluations: since the best program that choices know of.
    evaluations: children scored, of all sessions.  spent: calls that ended, of all sessions.
    calling, evaluating: the steps in flight, by what they wait for.  best: (id, train score) so far.
    """

    def __init__(
        self,
        budget: Budget,
        evaluations: int = 0,
        spent: Cost | None = None,
        active_s: float = 0.0,
        in_step_order: bool = False,
    ) -> None:
        self.budget = budget
        self.evaluations = evaluations
        self.session_evaluations = 0
        self.spent = spent or Cost()
        self._barren = Barren()
        self.stale_evaluations = 0
        self._known_best: tuple[int, float] | None = None
        self.best: tuple[int, float] | None = None
        self.calling: dict[int, str] = {}
        self.evaluating: set[int] = set()
        self._in_step_order = in_step_order
        self._released = Cost() if in_step_order else self.spent
        self._held: dict[int, Cost] = {}
        self._active_before_s = active_s
        self._began_s = time.monotonic()

    @property
    def session_s(self) -> float:
        """Seconds of this session."""
        return time.monotonic() - self._began_s

    @property
    def active_s(self) -> float:
        """Seconds of work on the run, all sessions together."""
        return self._active_before_s + self.session_s

    @property
    def left_s(self) -> float | None:
        """Seconds that the budget of minutes has left, 0 or more; None without one."""
        return None if self.budget.minutes is None else max(0.0, 60 * self.budget.minutes - self.active_s)

    @property
    def deadline_s(self) -> float | None:
        """Seconds that what is in flight may take, so that nothing holds a run beyond its minutes; None: any."""
        return None if self.left_s is None else self.left_s + GRACE_S

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
            target=None if self.budget.evaluations is None else max(self.budget.evaluations, self.evaluations),
            best_id=None if self.best is None else self.best[0],
            best_score=None if self.best is None else self.best[1],
            calls_in_flight=len(self.calling),
            evaluations_in_flight=len(self.evaluating),
            model_calls=self.spent.calls,
            tokens=self.spent.tokens,
            cost_usd=self.spent.usd,
            active_s=self.active_s,
            session_s=self.session_s,
            session_evaluations=self.session_evaluations,
        )

    def hold(self, step: int, worst: Cost) -> None:
        """Set aside what a call may cost."""
        self._held[step] = worst

    def may_retry(self, step: int, wasted_tokens: int, wasted_usd: float | None) -> bool:
        """Tell whether a call may be sent again after requests that failed and may be billed; if so, hold those too."""
        wasted = self._held.get(step, Cost()) + Cost(0, wasted_tokens, wasted_usd or 0.0)
        others = (cost for other, cost in self._held.items() if other != step)
        if not sum(others, self._released + wasted).within(self.budget):
            return False
        self._held[step] = wasted
        return True

    def count_call(self, step: int, cost: Cost) -> None:
        """Count a model call that ended."""
        self.spent += cost
        if not self._in_step_order:
            self._release(step, cost)

    def lose(self, cost: Cost) -> None:
        """Count what requests may have cost whose answers never came."""
        self.spent += cost
        self._released += cost

    def restart(self, evaluations: int, spent: Cost) -> None:
        """Count from where the run stands now: other drivers may have gone on with it."""
        self.evaluations = evaluations
        self.spent = self._released = spent

    def count_evaluation(self, is_own: bool = True) -> None:
        """Count a child that was scored. is_own: here, not by another driver of the run."""
        self.evaluations += 1
        self.session_evaluations += is_own

    def tell(self, trial: Trial) -> None:
        """Count a step among those that later choices know of."""
        self._barren.tell(trial)
        if trial.is_attempt:
            self.stale_evaluations += trial.is_program
        if trial.score is not None and (self._known_best is None or trial.score > self._known_best[1]):
            self._known_best, self.stale_evaluations = (trial.id, trial.score), 0
        if self._in_step_order and trial.called:
            self._release(trial.id, Cost.of_trial(trial))

    def _release(self, step: int, cost: Cost) -> None:
        self._held.pop(step, None)
        self._released += cost

    def room(self, in_flight: int) -> tuple[Room, str]:
        """Return whether one more step may begin, and why not, whatever it costs. in_flight: steps not ended."""
        budget = self.budget
        if budget.evaluations is not None:
            if self.evaluations > budget.evaluations:
                reason = f"{self.evaluations} evaluations are done, and {budget.evaluations} in all were asked for"
                return Room.NO, reason
            if self.evaluations == budget.evaluations:
                return Room.NO, _all(budget.evaluations, "evaluation", "done")
            if not self.has_place(in_flight):
                return Room.LATER, ""
        if budget.minutes is not None and self.left_s == 0:
            return Room.NO, f"the {_are(budget.minutes, 'minute')} used up"
        if self._known_best is not None and budget.target is not None and self._known_best[1] >= budget.target:
            id, score = self._known_best
            return Room.NO, f"the target of {budget.target:g} is reached: program {id} scores {score:.2f} on train"
        if budget.patience is not None and self.stale_evaluations >= budget.patience:
            return Room.NO, f"the last {counted(self.stale_evaluations, 'evaluation')} brought no better program"
        if reason := self._barren.reason():
            return Room.NO, reason
        return Room.YES, ""

    def has_place(self, in_flight: int) -> bool:
        """Tell whether one more step may become an evaluation, if all that are in flight do."""
        return self.budget.evaluations is None or self.evaluations + in_flight < self.budget.evaluations

    def room_for(self, call: Cost, in_flight: int) -> tuple[Room, str]:
        """Return whether a step may begin that costs at most this much, and why not."""
        held = sum(self._held.values(), self._released)
        if (held + call).within(self.budget):
            return Room.YES, ""
        if in_flight:
            return Room.LATER, ""
        if (self.spent + call).within(self.budget):
            return Room.YES, ""
        return Room.NO, self._exhausted(call)

    def _exhausted(self, call: Cost) -> str:
        budget, after = self.budget, self.spent + call
        if budget.calls is not None and after.calls > budget.calls:
            return _all(budget.calls, "model call", "made")
        if budget.tokens is not None and after.tokens > budget.tokens:
            return (
                f"the budget of {budget.tokens} tokens is used up "
                f"({self.spent.tokens} spent, the next call may take {call.tokens})"
            )
        return (
            f"the budget of ${budget.cost_usd:g} is used up "
            f"(${self.spent.usd:.4g} spent, the next call may cost ${call.usd:.2g})"
        )


class Spending:
    """What share of a budget is used by the steps that the search knows of: 0..1, of the total nearest to its end.

    Minutes do not count: no choice depends on the speed of a host.
    """

    def __init__(self, budget: Budget) -> None:
        totals = (budget.evaluations, budget.calls, budget.tokens, budget.cost_usd)
        self._totals = [total or math.inf for total in totals]
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
        evaluations, calls, tokens, usd = self._totals
        share = max(self._evaluations / evaluations, self._calls / calls, self._tokens / tokens, self._usd / usd)
        self.share = min(1.0, share)


def _all(count: int, what: str, done: str) -> str:
    """Return "all 20 evaluations are done", of one "the 1 evaluation is done"."""
    return f"{'the' if count == 1 else 'all'} {_are(count, what)} {done}"


def _are(count: float, what: str) -> str:
    return f"{counted(count, what)} {'is' if count == 1 else 'are'}"
