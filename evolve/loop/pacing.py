"""In which order results count: as they come, or, for a run that a seed alone decides, in the order of the steps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from evolve.archive import ModelCall, Program


@dataclass(frozen=True)
class Ending:
    """A step that is over. program: its scored child, None where there is none.  call: the model that was asked."""

    step: int
    program: Program | None
    call: ModelCall | None


class Pacing(Protocol):
    """Orders what steps do that run at the same time."""

    at_once: bool
    """Whether the search is told of a result when it is committed."""

    def begin(self, step: int) -> None:
        """A step is under way."""

    async def turn(self, step: int) -> None:
        """Return when the step may compare its child with those before it."""

    def pass_turn(self, step: int) -> None:
        """The step's child is known, or that there is none."""

    def end(self, ending: Ending) -> list[Ending]:
        """Take a step's end; return the endings to show to observers now."""

    def due(self, step: int) -> list[Ending] | None:
        """Return the endings that the choice of a new step must know of and does not; None: some are not there yet."""

    def unsettled(self, step: int, in_flight: int) -> int:
        """Return how many steps before a new one its choice does not know of."""


class AsTheyCome:
    """The search hears of every result as soon as it is there."""

    at_once = True

    def __init__(self) -> None:
        self._ended: list[Ending] = []

    def begin(self, step: int) -> None:
        """Nothing to order."""

    async def turn(self, step: int) -> None:
        """Return at once."""

    def pass_turn(self, step: int) -> None:
        """Nothing to order."""

    def end(self, ending: Ending) -> list[Ending]:
        """Show it now."""
        self._ended.append(ending)
        return [ending]

    def due(self, step: int) -> list[Ending] | None:
        """Return what ended since the last choice."""
        due, self._ended = self._ended, []
        return due

    def unsettled(self, step: int, in_flight: int) -> int:
        """Return what is in flight."""
        return in_flight


class InStepOrder:
    """The choice of step k knows of exactly the steps up to k - 1 - lag, whatever else has ended by then.

    So the speed of workers and models decides nothing. The last `lag` results of a run are not told: a run that is
    continued with a larger budget goes on as if it had never ended.

    settled: the last step that choices know of.  shown: the last one that observers have heard of.
    """

    at_once = False

    def __init__(self, lag: int, settled: int, shown: int) -> None:
        self._lag = lag
        self._settled = settled
        self._shown = shown
        self._ended: dict[int, Ending] = {}
        self._turns: dict[int, asyncio.Future[None]] = {}

    def begin(self, step: int) -> None:
        """Open the step's turn."""
        self._turns[step] = asyncio.get_running_loop().create_future()

    async def turn(self, step: int) -> None:
        """Wait for the step before: which of two equal children is the duplicate must not hang on who was quicker."""
        before = self._turns.get(step - 1)
        if before is not None:
            await asyncio.shield(before)

    def pass_turn(self, step: int) -> None:
        """Let the next step go on."""
        self._turns[step].set_result(None)
        self._turns.pop(step - 1, None)

    def end(self, ending: Ending) -> list[Ending]:
        """Return all endings up to the first step that has not ended."""
        self._ended[ending.step] = ending
        shown = []
        while self._shown + 1 in self._ended:
            self._shown += 1
            shown.append(self._ended[self._shown])
        return shown

    def due(self, step: int) -> list[Ending] | None:
        """Return the endings up to step - 1 - lag that no choice knew of."""
        known = step - 1 - self._lag
        if any(earlier not in self._ended for earlier in range(self._settled + 1, known + 1)):
            return None
        due = [self._ended[earlier] for earlier in range(self._settled + 1, known + 1)]
        for ending in due:
            del self._ended[ending.step]
        self._settled = max(self._settled, known)
        return due

    def unsettled(self, step: int, in_flight: int) -> int:
        """Return the steps since the last settled one."""
        return step - 1 - self._settled
