"""Several answers to one prompt (`model.answers`): steps that repeat the choice of a step before.

Each answer is a step of its own: chosen, asked, answered, evaluated and made known like any other. What the steps of a
batch share is the choice: parent, kind, prompt, and the last event that it knew of, by which the archive tells them.
How long a batch goes on follows from the numbers of its steps alone, so a run that was killed or had used up its budget
in the middle of one goes on with the rest of it. How many of its steps one request asks for depends on the room there
is, and changes nothing but the bill.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from evolve.archive import Tape
from evolve.config import RunConfig
from evolve.mutate.mutation import TUNE, Kind
from evolve.trial import Selection


class Batches:
    """Says which steps repeat the choice of the one before. Its state follows from the calls of `begun` and `end`.

    tape: of a recorded run, which decides it.  may_repeat: whether a later step may be in the batch of an earlier one.
    """

    def __init__(self, config: RunConfig, tape: Tape | None, may_repeat: Callable[[int, int], bool]) -> None:
        self._most = {model.name: model.answers for model in config.models}
        self._tape, self._may_repeat = tape, may_repeat
        self._first: Selection | None = None
        self._count = 0

    def begun(self, selection: Selection) -> None:
        """Take note of a choice that is committed."""
        if self._first is not None and selection.repeats(self._first):
            self._count += 1
        else:
            self._first, self._count = selection, 1

    def end(self) -> None:
        """Have the next step make a choice of its own."""
        self._first = None

    def repeated(self, step: int, out: Container[str]) -> Selection | None:
        """Return the choice that a step repeats; None where it makes its own. out: models that are asked no more."""
        first = self._first
        if first is None or first.mutator in out:
            return None
        if self._tape is not None:
            is_repeated = step in self._tape.repeats
        else:
            is_repeated = self._count < self.most(first) and self._may_repeat(first.step, step)
        return first._replace(step=step) if is_repeated else None

    def most(self, selection: Selection) -> int:
        """Return how many answers a choice's prompt gets."""
        return 1 if selection.kind in ("", TUNE, Kind.INSIGHT) else self._most.get(selection.mutator, 1)
