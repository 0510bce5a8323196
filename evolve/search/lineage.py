"""Who descends from whom, and what each program scored: what several parts of a search look up."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

from evolve.trial import Trial

__all__ = ["Lineage"]

ANCESTORS = 50
"""How far up a program's ancestors are looked at."""
GROWN = 1.5
_NONE = -1


class Lineage:
    """Parents, places and scores of the programs that the search knows of.

    best: (program, score) of the first that is best so far.  worst: score so far.
    has_improved: the latest trial's program is the best so far.
    gain: by how many points it beats its last sound ancestor; 0 where it has no score.
    has_children: a program besides the seed has a score.
    """

    def __init__(self) -> None:
        self._scores = array("d")
        self._parents = array("q")
        self._places: list[str] = []
        self._tokens = array("q")
        self.best: tuple[int, float] | None = None
        self.worst = math.inf
        self.has_improved = self.has_children = False
        self.gain = 0.0

    def tell(self, trial: Trial) -> None:
        """Take a program in."""
        self.has_improved, self.gain = False, 0.0
        if not trial.is_program:
            return
        id, score, scores = trial.id, trial.score, self._scores
        while len(scores) <= id:
            scores.append(math.nan)
            self._parents.append(_NONE)
            self._places.append("")
            self._tokens.append(0)
        self._places[id], self._tokens[id] = trial.place, trial.tokens
        if trial.parent is not None:
            self._parents[id] = trial.parent
        if score is not None:
            scores[id] = score
            self._tokens[0] = self._tokens[0] or trial.tokens  # where there is no seed, the first with a score
            self.has_children |= id > 0
            if score < self.worst:
                self.worst = score
            if self.best is None or score > self.best[1]:
                self.best, self.has_improved = (id, score), True
            before = scores[self.sound_ancestor(id)]
            self.gain = 0.0 if math.isnan(before) else score - before

    def score(self, id: int) -> float | None:
        """Return a program's score; None where it has none, or is not known yet."""
        found = self._scores[id] if 0 <= id < len(self._scores) else math.nan
        return None if math.isnan(found) else found

    def has_grown(self, id: int) -> bool:
        """Return whether a program is so much longer than the seed that there may be something to leave out."""
        return self._tokens[id] > GROWN * self._tokens[0]

    def place(self, id: int) -> str:
        """Return where a program belongs, in the strategy's words."""
        return self._places[id]

    def ancestors(self, id: int) -> Iterator[int]:
        """Yield a program's parent, its parent's parent and so on, the nearest first."""
        for _ in range(ANCESTORS):
            id = self._parents[id] if 0 <= id < len(self._parents) else _NONE
            if id == _NONE:
                return
            yield id

    def sound_ancestor(self, id: int) -> int:
        """Return the nearest ancestor with a score; the seed has one."""
        scores, parents = self._scores, self._parents
        for _ in range(ANCESTORS):
            id = parents[id] if 0 <= id < len(parents) else _NONE
            if id == _NONE:
                return 0
            if scores[id] == scores[id]:  # not NaN
                return id
        return 0
