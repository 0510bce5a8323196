"""How like a known program a child must be to be rejected without a run: learnt from what such children scored."""

from __future__ import annotations

import random
from collections import deque

from evolve.search.lineage import Lineage
from evolve.trial import Trial

__all__ = ["Novelty"]

NEEDED = 20
SAME_SHARE = 0.9
NOTHING = 1.01
"""A threshold that no child reaches."""
EVIDENCE_SHARE = 0.1
"""Steps whose child is evaluated however like another it is: without them the threshold could not rise again."""

_STEPS = 50
_LOWEST = 25
"""Similarities are put in steps of 1/50; below one half nothing is rejected, so nothing is learnt."""
_KEPT = 40
"""Pieces of evidence kept per step, the latest: what a run was like long ago ages out."""


class Novelty:
    """Learns above which similarity at least nine in ten children scored what the program most like them did.

    Starts by rejecting nothing, and always lets one in ten through.
    """

    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage
        self._evidence = {step: deque[bool](maxlen=_KEPT) for step in range(_LOWEST, _STEPS + 1)}

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        if trial.is_program and trial.nearest is not None and trial.likeness is not None:
            self.learn(trial.likeness, trial.score != self._lineage.score(trial.nearest))

    def bar(self, rng: random.Random) -> float | None:
        """Return from which likeness to another program on a step's child is rejected; None: it is always evaluated."""
        threshold = NOTHING if rng.random() < EVIDENCE_SHARE else self.threshold()
        return None if threshold > 1.0 else threshold

    def learn(self, similarity: float, differed: bool) -> None:
        """Take in one child. similarity: to the program most like it, 0..1.  differed: in its score."""
        step = min(_STEPS, int(similarity * _STEPS + 1e-9))
        if step >= _LOWEST:
            self._evidence[step].append(not differed)

    def threshold(self) -> float:
        """Return the least similarity that is rejected, 0.5..1; 1.01 rejects nothing.

        That is the lowest step that, with those above it, holds 20 pieces of evidence, nine in ten of them the same.
        Steps are taken in from the most similar down, each only if its own children confirm it, so that many clones
        do not speak for children that are less like. Shares are (same + 1) / (all + 2), Laplace's rule of succession.
        """
        threshold = NOTHING
        same = count = 0
        for step in range(_STEPS, _LOWEST - 1, -1):
            evidence = self._evidence[step]
            if not evidence:
                continue
            same += sum(evidence)
            count += len(evidence)
            if sum(evidence) < SAME_SHARE * len(evidence):
                break
            if count >= NEEDED and (same + 1) / (count + 2) >= SAME_SHARE:
                threshold = step / _STEPS
        return threshold
