"""One step, from its choice or wherever its last commit left it to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

from evolve.archive import CallStatus, ModelCall, Program
from evolve.evaluator import Split
from evolve.loop.asking import Asking
from evolve.loop.choosing import Chooser
from evolve.loop.measuring import Judge
from evolve.loop.proposing import Found, NoChild, Proposer
from evolve.loop.running import Run
from evolve.loop.stopping import Stopped
from evolve.trial import Selection


class Making:
    """Makes the children of steps and has them evaluated.

    turn: in which no other driver of the run commits anything.  last: returns the latest step that was chosen.
    """

    def __init__(
        self,
        run: Run,
        proposer: Proposer,
        asking: Asking,
        judge: Judge,
        chooser: Chooser,
        turn: Callable[[], AbstractContextManager[None]],
        last: Callable[[], int],
    ) -> None:
        self._run, self._store, self._proposer, self._asking = run, run.store, proposer, asking
        self._judge, self._chooser, self._turn, self._last = judge, chooser, turn, last
        self._uncompared, self._compared = set[int](), asyncio.Condition()

    def begin(self, step: int) -> None:
        """Take note of a step that has no child yet."""
        self._uncompared.add(step)

    async def make(self, selection: Selection, call: ModelCall | None, program: Program | None) -> Program | None:
        """Return the child of a step as it was scored, or None where it makes none that is new.

        Raises Stopped when a stop is asked for before it is evaluated, OutOfTime when the minutes are used up.
        """
        step, done = selection.step, {} if program is None else self._store.measured(selection.step, Split.TRAIN)
        if call is not None and call.status is CallStatus.SENT:
            call = await self._asking.answered(call)
        if program is None:
            is_answered = call is None or call.status is CallStatus.ANSWERED
            values = self._chooser.values(step)
            found = await self._proposer.read(selection, call, values) if is_answered else None
            async with self._compared:
                program = None if found is None else await self._child(selection, call, found)
                self._uncompared.discard(step)
                self._compared.notify_all()
        if self._run.stop.asked:
            raise Stopped
        if program is None:
            return None
        program, fresh = await self._judge.score(selection, program, done)
        self._store.score(program, fresh, self._run.rule.at_once)
        self._run.ledger.count_evaluation()
        return program

    async def _child(self, selection: Selection, call: ModelCall | None, found: Found) -> Program | None:
        """Compare a step's child with those before it when it is its turn; commit it, or why there is none."""
        step, rule = selection.step, self._run.rule
        await self._compared.wait_for(lambda: rule.may_compare(step, self._uncompared, self._last()))
        if self._run.stop.asked:
            return None
        with self._turn():
            try:
                program, signature = self._proposer.child(selection, call, found)
            except NoChild as why:
                self._store.drop(step, why.fate, why.note, why.detail, rule.at_once)
                self._run.dropped(step, why.fate, why.note)
                return None
            self._run.population.bear(program, signature)
            return program
