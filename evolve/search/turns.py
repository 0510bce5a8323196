"""Beginnings and turns: when a search asks for something altogether unlike what it has.

A few unlike first programs, and now and then another approach when nothing helps any more, asked of a strong model
where there is one: many cheap edits and few dear turns.
"""

from __future__ import annotations

import math
from collections import Counter

from evolve.mutate.mutation import Kind
from evolve.scoring import Status
from evolve.search.lineage import Lineage
from evolve.trial import Selection, Trial

__all__ = ["Turns"]


class Turns:
    """Counts the evaluations since the last improvement, and since the last turn.

    starts: how many first steps begin from the seed, each with another idea; 1: the usual step.
    after: evaluations without improvement after which a turn is due, and as many after each turn; 0: never.
    """

    def __init__(self, lineage: Lineage, starts: int, after: int) -> None:
        self._lineage, self._starts, self._after = lineage, starts, after
        self._since: Counter[str] = Counter()
        self._highest = -math.inf
        self._quiet = 0

    def begun(self, selection: Selection) -> None:
        """Take note of a choice: a turn may be under way."""
        if selection.kind == Kind.TURN:
            self._quiet = 0

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        if not trial.is_program:
            return
        if self._lineage.has_improved:
            self._highest, self._quiet = -math.inf, 0
            self._since.clear()
            return
        self._quiet += 1
        if trial.score is not None:
            self._since["sound"] += 1
            self._highest = max(self._highest, trial.score)
        else:
            self._since["outrun" if trial.status is Status.OUTRUN else "failed"] += 1

    def is_start(self, step: int) -> bool:
        """Return whether a step is one of several beginnings."""
        return self._starts > 1 and step <= self._starts

    @property
    def is_due(self) -> bool:
        """Whether it is time for another approach."""
        return 0 < self._after <= self._quiet

    @property
    def stalled(self) -> str:
        """What has come of the search since its last improvement, in one line; empty when nothing has."""
        if self._lineage.best is None or not self._since:
            return ""
        id, score = self._lineage.best
        came = {"sound": f"scored no more, at best {self._highest:.2f}", "outrun": "were stopped far behind"}
        came["failed"] = "failed"
        parts = "; ".join(f"{self._since[how]} {what}" for how, what in came.items() if self._since[how])
        return f"Since program {id} ({score:.2f}), {self._since.total()} programs brought nothing: {parts}."
