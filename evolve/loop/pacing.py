"""In which order results count: as they come, in the order of the steps, or as a recorded run had them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from evolve.archive import Program, StepEnd


@dataclass(frozen=True)
class Ending:
    """A step that is over. program: its scored child, None where there is none."""

    end: StepEnd
    program: Program | None

    @property
    def step(self) -> int:
        """The step's number."""
        return self.end.selection.step


class Pacing(Protocol):
    """Orders what steps do that run at the same time."""

    at_once: bool
    """Whether the end of a step counts from its commit on: ends then have numbers as they come."""

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


class AsTheyCome:
    """The search hears of a result before the next choice is made."""

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


class _ByStep:
    """What `InStepOrder` and `AsRecorded` share: endings are shown in the order of steps. shown: the last that was."""

    at_once = False

    def __init__(self, shown: int) -> None:
        self._shown = shown
        self._unshown: dict[int, Ending] = {}
        self._ended: dict[int, Ending] = {}

    def end(self, ending: Ending) -> list[Ending]:
        """Return all endings up to the first step that has not ended."""
        self._ended[ending.step] = ending
        if ending.step > self._shown:
            self._unshown[ending.step] = ending
        shown = []
        while self._shown + 1 in self._unshown:
            self._shown += 1
            shown.append(self._unshown.pop(self._shown))
        return shown

    def _take(self, steps: Iterable[int]) -> list[Ending] | None:
        wanted = list(steps)
        if any(step not in self._ended for step in wanted):
            return None
        return [self._ended.pop(step) for step in wanted]


class InStepOrder(_ByStep):
    """The choice of step k knows of exactly the steps up to k - 1 - lag, whatever else has ended by then.

    So the speed of workers and models decides nothing. The last `lag` results of a run are not told: a run that is
    continued with a larger budget goes on as if it had never ended.

    settled: the last step that choices know of.  shown: the last one that observers have heard of.
    """

    def __init__(self, lag: int, settled: int, shown: int) -> None:
        super().__init__(shown)
        self._lag = lag
        self._settled = settled
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

    def due(self, step: int) -> list[Ending] | None:
        """Return the endings up to step - 1 - lag that no choice knew of."""
        known = step - 1 - self._lag
        due = self._take(range(self._settled + 1, known + 1))
        if due is not None:
            self._settled = max(self._settled, known)
        return due


class AsRecorded(_ByStep):
    """Every choice knows of what it knew of in a recorded run, and children are compared in the order of that run.

    heard: by step, the steps that its choice was the first to know of, in their order.
    taken: the steps in the order in which their children were compared; the first `done` of them are.
    shown: the last step that observers have heard of.
    """

    def __init__(self, heard: Sequence[Sequence[int]], taken: Sequence[int], shown: int, done: int) -> None:
        super().__init__(shown)
        self._heard = heard
        self._done = frozenset(taken[:done])
        self._before = dict(zip(taken, [0, *taken], strict=False))
        self._passed: dict[int, asyncio.Future[None]] = {}

    def begin(self, step: int) -> None:
        """Nothing to order: a turn is opened by whoever comes to it first."""

    async def turn(self, step: int) -> None:
        """Wait for the step that came before in the recorded run."""
        before = self._before[step]
        if before and before not in self._done:
            await asyncio.shield(self._turn(before))

    def pass_turn(self, step: int) -> None:
        """Let the next step go on."""
        turn = self._turn(step)
        if not turn.done():
            turn.set_result(None)

    def due(self, step: int) -> list[Ending] | None:
        """Return what the recorded choice heard of."""
        return self._take(self._heard[step - 1])

    def _turn(self, step: int) -> asyncio.Future[None]:
        if step not in self._passed:
            self._passed[step] = asyncio.get_running_loop().create_future()
        return self._passed[step]
