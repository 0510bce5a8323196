"""The rules for when the search comes to know of an end, and for the order in which children are compared.

An end becomes known at once, in the order of the steps with a lag, or as in a recorded run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from evolve.archive import Tape
from evolve.config import RunConfig
from evolve.search.config import SearchConfig


class Rule:
    """Whatever has ended is known to the next choice. The other rules hold ends back."""

    at_once = True
    """An end is known as soon as it is committed."""

    def news_for(self, step: int) -> Sequence[int]:
        """Return the steps whose ends the choice of a step is the first to know of: it waits for them."""
        return ()

    def may_compare(self, step: int, waiting: Collection[int], last: int) -> bool:
        """Return whether it is a step's turn to compare its child with those before it.

        waiting: steps that have not, `step` among them.  last: the latest step that was chosen.
        """
        return True


class InStepOrder(Rule):
    """The choice of step k knows of exactly the steps up to k - 1 - lag, whatever else has ended by then.

    So the speed of workers and models decides nothing. The last `lag` results of a run stay unknown: a run that is
    continued with a larger budget goes on as if it had never ended.
    Where instances are drawn anew (`evolve.loop.rotation`), the first choice of an epoch knows of all steps before it.
    """

    at_once = False

    def __init__(self, search: SearchConfig) -> None:
        self._lag, self._epoch = search.lag, search.fresh_every if search.fresh_instances else None

    def news_for(self, step: int) -> Sequence[int]:
        """Return what the choice before did not know of: one step, or all that are left where an epoch begins."""
        return range(self._newest(step - 1) + 1, self._newest(step) + 1)

    def _newest(self, step: int) -> int:
        """Return the latest step that the choice of a step knows of."""
        begun = 0 if self._epoch is None else max(0, step - 1) // self._epoch * self._epoch
        return max(0, begun, step - 1 - self._lag)

    def may_compare(self, step: int, waiting: Collection[int], last: int) -> bool:
        """Return whether all steps before have: which of two equal children is the duplicate depends on no speed."""
        return step == min(waiting)


class AsRecorded(Rule):
    """Every choice knows of what it knew of in a recorded run, and children are compared in the order of that run."""

    at_once = False

    def __init__(self, tape: Tape) -> None:
        self._known = tape.known()
        compared = tape.compared()
        self._before = dict(zip(compared, [0, *compared], strict=False))

    def news_for(self, step: int) -> Sequence[int]:
        """Return what the recorded choice came to know of; of the step after the last, what none knew of."""
        return self._known[step - 1]

    def may_compare(self, step: int, waiting: Collection[int], last: int) -> bool:
        """Return whether the step that came before in the recorded run has."""
        before = self._before[step]
        return before <= last and before not in waiting


def make_rule(config: RunConfig, tape: Tape | None) -> Rule:
    """Return the rule of a run. tape: of a recorded one to follow."""
    if tape is not None:
        return AsRecorded(tape)
    return InStepOrder(config.search) if config.deterministic else Rule()
