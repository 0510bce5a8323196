"""How far a run has come, and how long it will still take, against whichever of its budgets ends first."""

from __future__ import annotations

from evolve.config import Budget
from evolve.observer import Progress
from evolve.report.figures import duration_text, usd_text
from evolve.words import counted


class Pace:
    """Knows where the session began: what earlier sessions did tells nothing of the speed of this one."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._first: Progress | None = None

    def at(self, progress: Progress) -> None:
        """Take note of where the run stands; the first one is where the session began."""
        if self._first is None:
            self._first = progress

    def share(self, progress: Progress) -> float:
        """Return the share that is used of the budget of which most is used, 0 to 1."""
        return min(1.0, max(self._shares(progress).values(), default=0.0))

    def done(self, progress: Progress) -> str:
        """Return what is used of the budget of which most is used, and the evaluations: "40/200 evaluations"."""
        shares = self._shares(progress)
        first = max(shares, key=lambda key: shares[key], default="evaluations")
        evaluations = _of(str(progress.evaluations), progress.target, "evaluations")
        if first == "evaluations":
            return evaluations
        budget = self._budget
        used = {
            "minutes": (f"{progress.active_s / 60:.2g}", counted(budget.minutes or 0, "minute")),
            "cost_usd": (usd_text(progress.cost_usd), usd_text(budget.cost_usd or 0)),
            "tokens": (str(progress.tokens), counted(budget.tokens or 0, "token")),
            "calls": (str(progress.model_calls), counted(budget.calls or 0, "call")),
        }[first]
        return f"{evaluations}, {(' of ' if shares[first] <= 1 else ', more than the total of ').join(used)}"

    def left(self, progress: Progress) -> str:
        """Return about how long the run will take at the session's pace; empty before anything is known of that."""
        if self._first is None:
            return ""
        before, now = self._shares(self._first), self._shares(progress)
        seconds = progress.session_s - self._first.session_s
        waits = [
            (1.0 - now[key]) * seconds / (now[key] - before[key])
            for key in now
            if now[key] > before[key] and now[key] < 1.0
        ]
        return f"about {duration_text(min(waits))} left" if waits and seconds > 0 else ""

    def _shares(self, progress: Progress) -> dict[str, float]:
        used = {
            "evaluations": (progress.evaluations, self._budget.evaluations),
            "minutes": (progress.active_s / 60, self._budget.minutes),
            "cost_usd": (progress.cost_usd, self._budget.cost_usd),
            "tokens": (progress.tokens, self._budget.tokens),
            "calls": (progress.model_calls, self._budget.calls),
        }
        return {key: done / total if total else 1.0 for key, (done, total) in used.items() if total is not None}


def _of(done: str, total: int | None, what: str) -> str:
    if total is None:
        return f"{done} {what}"
    return f"{done}/{total} {what}" if int(done) <= total else f"{done} {what}, more than the total of {total}"
