"""What a run has learnt, in words: what was tried from a program, which ideas did best, which insights there are."""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import dataclass

from evolve.mutate.mutation import Attempt, Insight, Kind
from evolve.search.lineage import Lineage
from evolve.trial import Fate, Selection, Trial

__all__ = ["Background", "Notes"]

ATTEMPTS_KEPT = 8
TOP_KEPT = 8
INSIGHTS_KEPT = 40


@dataclass(frozen=True)
class Background:
    """What the run knows that concerns a prompt; the fields are those of `Request`."""

    attempts: tuple[Attempt, ...]
    insights: tuple[Insight, ...]
    related: frozenset[int]
    taken: tuple[tuple[int, str], ...]


class Notes:
    """Keeps the latest attempts from each program, the ideas of the best programs, and insights.

    every: improvements after which the next insight is due; 0: never.
    """

    def __init__(self, lineage: Lineage, every: int) -> None:
        self._lineage, self._every = lineage, every
        self._attempts: dict[int, deque[Attempt]] = {}
        self._insights: deque[Insight] = deque(maxlen=INSIGHTS_KEPT)
        self._improved: list[int] = []
        self._ideas: list[tuple[float, int, str]] = []
        self._best: float | None = None

    def begun(self, selection: Selection) -> None:
        """Hear of a choice: an insight may be under way."""
        if selection.kind == Kind.INSIGHT:
            self._improved = [id for id in self._improved if id not in selection.inspirations]

    def tell(self, trial: Trial) -> None:
        """Hear how a step ended."""
        if trial.fate is Fate.INSIGHT:
            self._insights.append(Insight(trial.id, trial.inspirations, trial.note, trial.detail))
        if trial.score is not None and (self._best is None or trial.score > self._best):
            self._best = trial.score
            if trial.is_attempt and self._every:
                self._improved.append(trial.id)
        if trial.is_attempt and trial.parent is not None:
            if trial.idea and trial.score is not None:
                insort(self._ideas, (-trial.score, trial.id, trial.idea))
                del self._ideas[TOP_KEPT:]
            self._attempts.setdefault(trial.parent, deque(maxlen=ATTEMPTS_KEPT)).append(_attempt(trial))

    def due(self) -> tuple[tuple[int, ...], str]:
        """Return the improvements that the next insight is to be about, and why; none when it is not time for one."""
        if not self._every or len(self._improved) < self._every:
            return (), ""
        return tuple(self._improved[-self._every :]), f"{len(self._improved)} improvements since the last insight"

    def background(self, parent_id: int) -> Background:
        """Return what the run knows that concerns a prompt about a program."""
        line = {parent_id, *self._lineage.ancestors(parent_id)}
        return Background(
            tuple(self._attempts.get(parent_id, ())),
            tuple(self._insights),
            frozenset(insight.id for insight in self._insights if line & set(insight.subjects)),
            tuple((id, idea) for _, id, idea in self._ideas),
        )


def _attempt(trial: Trial) -> Attempt:
    outcome = trial.status.value if trial.status is not None else trial.fate.value
    note = trial.idea if trial.score is not None else _last_line(trial.failure) or trial.note or trial.idea
    return Attempt(trial.id, trial.kind, trial.score, outcome, note)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""
