"""What a run has learnt, in words: what was tried and what came of it, the ideas that did best, the insights."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evolve.mutate.mutation import TUNE, Attempt, Insight, Kind
from evolve.search.lineage import Lineage
from evolve.trial import Fate, Selection, Trial
from evolve.words import counted

__all__ = ["Background", "Notes"]

ATTEMPTS_KEPT = 8
TOP_KEPT = 8
INSIGHTS_KEPT = 30
TRIED_KEPT = 16
PROGRAMS_KEPT = 4_096
"""Programs whose attempts are remembered; the one that was tried longest ago goes first."""
STALLED_AFTER = 3
"""Times `every` attempts without a new best after which an insight is due on what did not help."""
STALLED_TOLD = 4
LOST = 0.05
"""Points of gain up to which an attempt brought nothing."""


@dataclass(frozen=True)
class Background:
    """What the run knows that concerns a prompt; the fields are those of `Request`.

    leaders: (program, score) of who is best on each train instance, in their order.
    measured: scores of the parent, of what was made of it and of the best on the train instances, in their order.
    """

    attempts: tuple[Attempt, ...]
    flying: tuple[tuple[int, str], ...]
    turn: int
    insights: tuple[Insight, ...]
    related: frozenset[int]
    taken: tuple[Attempt, ...]
    tried: tuple[Attempt, ...]
    best: tuple[int, float] | None
    leaders: tuple[tuple[int, float] | None, ...] = ()
    measured: Mapping[int, tuple[float | None, ...]] = field(default_factory=dict)
    stalled: str = ""


@dataclass(slots=True)
class _Tried:
    """From one program. begun: steps that changed it, those in flight among them."""

    attempts: list[Attempt] = field(default_factory=list)
    begun: int = 0


class Notes:
    """Keeps the latest attempts from each program, those that failed anywhere, the ideas of the best, and insights.

    every: improvements after which the next insight is due; 0: never.  by_model: a model writes it.
    """

    def __init__(self, lineage: Lineage, every: int, by_model: bool) -> None:
        self._lineage, self._every, self._by_model = lineage, every, by_model
        self._from: dict[int, _Tried] = {}
        self._flying: dict[int, Selection] = {}
        self._insights: list[Insight] = []
        self._improved: list[int] = []
        self._idle: deque[tuple[float, int]] = deque(maxlen=2 * STALLED_AFTER * max(1, every))
        self._since = 0
        self._taken: list[tuple[float, int, Attempt]] = []
        self._tried: list[Attempt] = []

    def begun(self, selection: Selection) -> None:
        """Take note of a choice: it is in flight, and an insight may be under way."""
        self._flying[selection.step] = selection
        if selection.kind == Kind.INSIGHT:
            self._improved = [id for id in self._improved if id not in selection.inspirations]
            self._since = 0
            self._idle.clear()
        elif selection.kind != TUNE:
            self._of(selection.parent_id).begun += 1

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        self._flying.pop(trial.id, None)
        if trial.fate is Fate.INSIGHT and trial.note:
            self._insights.append(Insight(trial.id, trial.inspirations, trial.note, trial.detail))
            _shorten(self._insights, INSIGHTS_KEPT)
        if self._lineage.has_improved:
            self._since = 0
            self._idle.clear()
        elif trial.is_attempt:
            self._since += 1
        if trial.parent is not None and trial.is_attempt and trial.asked != TUNE:
            if self._lineage.has_improved and self._every:
                self._improved.append(trial.id)
            self._keep(trial, trial.parent)

    def _keep(self, trial: Trial, parent: int) -> None:
        outcome = trial.fate if trial.status is None else trial.status
        note = "" if trial.score is not None else _last_line(trial.failure) or trial.note
        gain = None if trial.score is None else self._lineage.gain
        attempt = Attempt(trial.id, trial.kind, trial.score, outcome.value, note, trial.idea, parent, gain)
        before = self._of(parent).attempts
        before.append(attempt)
        del before[:-ATTEMPTS_KEPT]
        if trial.score is not None and self._lineage.gain > LOST:
            if trial.idea:
                insort(self._taken, (-trial.score, trial.id, attempt))
                del self._taken[TOP_KEPT:]
            return
        if trial.score is not None or trial.is_broken:
            self._idle.append((-math.inf if gain is None else gain, trial.id))
        if trial.idea:
            self._tried.append(attempt)
            _shorten(self._tried, TRIED_KEPT)

    def _of(self, program: int) -> _Tried:
        kept = self._from.pop(program, None) or _Tried()
        self._from[program] = kept
        if len(self._from) > PROGRAMS_KEPT:
            del self._from[next(iter(self._from))]
        return kept

    def due(self) -> tuple[tuple[int, ...], str]:
        """Return the programs that the next insight is to be about, and why; none when it is not time for one.

        After every few improvements it is about them; after many attempts without any, where a model can say something
        of it, about some of those: who lost least, who lost most, and the latest.
        """
        if self._every and len(self._improved) >= self._every:
            why = f"{counted(len(self._improved), 'improvement')} since the last insight"
            return tuple(self._improved[-self._every :]), why
        if self._by_model and self._every and self._since >= STALLED_AFTER * self._every and self._idle:
            ranked = sorted(self._idle)
            ids = [ranked[-1][1], ranked[0][1], *(id for _, id in [*self._idle][::-1])]
            return tuple(dict.fromkeys(ids))[:STALLED_TOLD], f"{self._since} attempts without a new best"
        return (), ""

    def flying(self, parent_id: int) -> tuple[tuple[int, str], ...]:
        """Return (step, kind) of what is being tried from a program now."""
        of = (s for s in self._flying.values() if s.parent_id == parent_id and s.kind != Kind.INSIGHT)
        return tuple((selection.step, selection.kind or "a small change") for selection in of)

    def background(self, parent_id: int) -> Background:
        """Return what the run knows that concerns a prompt about a program."""
        line = {parent_id, *self._lineage.ancestors(parent_id)}
        tried = self._from.get(parent_id)
        return Background(
            attempts=() if tried is None else tuple(tried.attempts),
            flying=self.flying(parent_id),
            turn=0 if tried is None else tried.begun,
            insights=tuple(self._insights),
            related=frozenset(insight.id for insight in self._insights if line & set(insight.subjects)),
            taken=tuple(attempt for _, _, attempt in self._taken),
            tried=tuple(self._tried),
            best=self._lineage.best,
        )


def _shorten(kept: list[Any], most: int) -> None:
    """Drop the older half of what is kept when it is more than `most`: until then it is only added to.

    Prompts that begin alike cost less, and a list whose first line goes with every new one begins otherwise each time.
    """
    if len(kept) > most:
        del kept[: most // 2]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""
