"""Which broken program deserves the next try at its repair, and for how long.

OptimAI (Thind, Sun, Liang and Yang 2025) debugs several broken candidates side by side and lets UCB1 choose which one
comes next. How many tries a program gets adapts, after "More with Less" (turn control of coding agents): as many as
three quarters of past repairs needed, and more only while the error changes from try to try.
"""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass
from statistics import quantiles

from evolve.mutate.mutation import Kind
from evolve.search.lineage import Lineage
from evolve.trial import Selection, Trial

__all__ = ["RepairDesk"]

KEPT = 64
"""Broken programs that are remembered; the oldest goes first."""
REPAIRS_KEPT = 50
ENOUGH = 4
"""Past repairs from which on their number of turns sets the cap."""
LONGEST = 3
"""Times the cap after which even a changing error is given up."""
EXPLORATION = 0.5


@dataclass
class _Case:
    """A broken program and the tries at it.

    id: of the latest program of the case, the one to repair.  promise: 0..1, how good its last sound ancestor was.
    begun: tries that were started.  turns: tries that ended.  changed: the latest try brought another error.
    """

    id: int
    promise: float
    error: str
    begun: int = 0
    turns: int = 0
    changed: bool = True

    @property
    def tries(self) -> int:
        return max(self.begun, self.turns)

    def is_open(self, cap: int) -> bool:
        return self.tries < cap or (self.changed and self.begun <= self.turns and self.tries < LONGEST * cap)


class RepairDesk:
    """Keeps broken programs, and counts the tries at each. first_cap: of tries, until past repairs tell it."""

    def __init__(self, lineage: Lineage, first_cap: int) -> None:
        self._lineage, self._first_cap = lineage, first_cap
        self._cases: dict[int, _Case] = {}
        self._needed: deque[int] = deque(maxlen=REPAIRS_KEPT)
        self._begun = 0

    @property
    def cap(self) -> int:
        """Tries that a case gets: the 75th percentile of what past repairs needed."""
        if len(self._needed) < ENOUGH:
            return self._first_cap
        return max(1, math.ceil(quantiles(self._needed, n=4, method="inclusive")[2]))

    def begun(self, selection: Selection) -> None:
        """Take note of a choice: a try may be under way."""
        if selection.kind == Kind.REPAIR:
            self._begun += 1
            if selection.parent_id in self._cases:
                self._cases[selection.parent_id].begun += 1

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended: a try at a repair, or a program that a model broke."""
        if trial.asked == Kind.REPAIR and trial.parent is not None:
            if trial.answered:
                is_sound = trial.is_program and not trial.is_broken
                self.tried(trial.parent, trial.id, is_sound, trial.failure if trial.is_broken else None)
        elif trial.is_broken and trial.called:
            best, worst = self._lineage.best, self._lineage.worst
            before = self._lineage.score(self._lineage.sound_ancestor(trial.id))
            promise = 1.0
            if before is not None and best is not None and best[1] > worst:
                promise = (before - worst) / (best[1] - worst)
            self.broken(trial.id, promise, trial.failure)

    def broken(self, id: int, promise: float, failure: str) -> None:
        """A program failed that was no try at a repair."""
        self._cases[id] = _Case(id, promise, _signature(failure))
        if len(self._cases) > KEPT:
            del self._cases[min(self._cases)]

    def tried(self, id: int, child: int, sound: bool, failure: str | None) -> None:
        """A try at a case ended.

        child: the program that it gave.  sound: it has a score, so the case is closed.
        failure: of the child; None when there was no new program, which is no new error either.
        """
        case = self._cases.get(id)
        if case is None:
            return
        case.turns += 1
        if sound:
            self._needed.append(case.turns)
            del self._cases[id]
            return
        error = case.error if failure is None else _signature(failure)
        case.changed = error != case.error
        if case.changed:
            # The child is where the repair has got to. Tries at the old head that are still out count for nobody.
            del self._cases[id]
            self._cases[child] = _Case(child, case.promise, error, case.turns, case.turns)

    def next(self) -> tuple[int, str] | None:
        """Return the case with the highest upper confidence bound (UCB1), and why; None when none deserves a try."""
        cap = self.cap

        def bound(case: _Case) -> float:
            return case.promise + EXPLORATION * math.sqrt(math.log(self._begun + 2) / (case.tries + 1))

        cases = [case for case in self._cases.values() if case.is_open(cap)]
        if not cases:
            return None
        case = max(cases, key=lambda case: (bound(case), -case.id))
        return case.id, f"repair of {case.id}, try {case.tries + 1}, cap {cap}, bound {bound(case):.2f}"


def _signature(failure: str) -> str:
    """Return what makes an error the same error: its last line, numbers and quoted values left out."""
    lines = [line.strip() for line in failure.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return re.sub(r"'[^']*'|\"[^\"]*\"|[-+]?\d[\d.,e+-]*", "#", last)[:200]
