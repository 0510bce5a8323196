"""Asking models: a step's question is sent, alone or with those of its batch, and what comes of it is committed.

Several answers to one prompt (`model.answers`) are a batch: steps that repeat the choice of a step before. Each answer
is a step of its own: chosen, asked, answered, evaluated and made known like any other. What the steps of a batch share
is the choice: parent, kind, prompt, and the last event that it knew of, by which the archive tells them. How long a
batch goes on follows from the numbers of its steps alone, so a run that was killed or had used up its budget in the
middle of one goes on with the rest of it. How many of its steps one request asks for depends on the room there is, and
changes nothing but the bill.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from evolve.archive import CallStatus, ModelCall
from evolve.config import MANUAL
from evolve.loop.budget import Cost
from evolve.loop.free import Flow
from evolve.loop.outages import Outages
from evolve.loop.proposing import Proposer
from evolve.loop.running import Run
from evolve.mutate.mutation import TUNE, Kind
from evolve.trial import Selection, State


class _Question:
    """A prompt and the steps that wait for an answer to it; the first of them sends it for all."""

    def __init__(self, first: Selection) -> None:
        self.first = first
        self.calls: list[ModelCall] = []
        self.is_whole = asyncio.Event()
        """No more steps will join."""
        self.answers: asyncio.Future[dict[int, ModelCall]] = asyncio.get_running_loop().create_future()


class Asking:
    """Asks the models of a run. Which steps are a batch follows from the calls of `begun` and `end_batch`.

    moved: called when a call has ended.
    """

    def __init__(self, run: Run, proposer: Proposer, flow: Flow, outages: Outages, moved: Callable[[], None]) -> None:
        self._run, self._store, self._ledger, self._proposer = run, run.store, run.ledger, proposer
        self._flow, self._outages, self._moved = flow, outages, moved
        self._answers = {model.name: model.answers for model in run.config.models}
        self._first: Selection | None = None
        self._count = 0
        self._open: _Question | None = None
        self._questions: dict[int, _Question] = {}

    def begun(self, selection: Selection) -> None:
        """Take note of a choice that is committed."""
        if self._first is not None and selection.repeats(self._first):
            self._count += 1
        else:
            self._first, self._count = selection, 1

    def end_batch(self) -> None:
        """Have the next step make a choice of its own."""
        self._first = None

    def repeated(self, step: int) -> Selection | None:
        """Return the choice that a step repeats; None where it makes its own."""
        first, tape = self._first, self._run.tape
        if first is None or first.mutator in self._outages.out:
            return None
        is_repeated = self._count < self._most(first) if tape is None else step in tape.repeats
        # After a resume the first one has ended: what became of it is not chosen again.
        return first._replace(step=step, state=State.CHOSEN, fate=None, note="") if is_repeated else None

    def _most(self, selection: Selection) -> int:
        """Return how many answers a choice's prompt gets."""
        return 1 if selection.kind in ("", TUNE, Kind.INSIGHT) else self._answers.get(selection.mutator, 1)

    def again(self, selection: Selection) -> ModelCall:
        """Return the call of a step that repeats the choice of the one before, not sent yet."""
        asked = self._store.model_call(selection.step - 1)
        assert asked is not None
        question = (asked.model, asked.kind, asked.digest, asked.system, asked.prompt)
        return ModelCall(selection.step, *question, CallStatus.SENT)

    def join(self, selection: Selection, call: ModelCall) -> None:
        """Have a step ask along with others that ask the same, where its model may give several answers."""
        if self._open is not None and not selection.repeats(self._open.first):
            self.send()
        if self._most(selection) > 1:
            self._open = self._questions[call.step] = self._open or _Question(selection)
            self._open.calls.append(call)

    def send(self) -> None:
        """Send the question that waits for more steps to join it."""
        if self._open is not None:
            self._open.is_whole.set()
            self._open = None

    async def answered(self, call: ModelCall) -> ModelCall:
        """Return a call that has ended, as it is committed."""
        self._run.audience.tell(lambda o: o.call_started(call.step, call.model, self._ledger.progress()))
        question = self._questions.pop(call.step, None)
        together = {} if question is None else await self._together(call.step, question)
        return together.get(call.step) or (await self._ask([call]))[call.step]

    async def _together(self, step: int, question: _Question) -> dict[int, ModelCall]:
        """Return what came to a question, by step. Who is not among them has to ask alone."""
        if step != question.first.step:
            return await question.answers
        answers: dict[int, ModelCall] = {}
        try:
            await question.is_whole.wait()
            if len(question.calls) > 1 and self._proposer.takes_several(question.calls[0]):
                answers = await self._ask(question.calls)
        except BaseException:
            question.answers.cancel()  # the others end with this one, which says why
            raise
        if not question.answers.done():
            question.answers.set_result(answers)
        return answers

    async def _ask(self, calls: Sequence[ModelCall]) -> dict[int, ModelCall]:
        """Send calls that ask the same in one request; commit what came of them before anybody reads it, and return it.

        That is less than all where a server gives fewer answers to one request.
        """
        ledger = self._ledger
        ended = await self._outages.asked(calls, self._proposer.ask)
        for call in ended:
            del ledger.calling[call.step]
            ledger.evaluating.add(call.step)
            self._flow.answered(call.latency_s)
        await self.commit(ended)
        for call in ended:
            self._run.audience.tell(lambda o: o.call_finished(call, ledger.progress()))  # noqa: B023
        self._moved()
        return {call.step: call for call in ended}

    async def commit(self, calls: Sequence[ModelCall]) -> None:
        """Commit how calls ended; answers that came together, together."""
        if answers := [call for call in calls if call.status is CallStatus.ANSWERED]:
            self._store.answer(*answers)
        for call in calls:
            if call.status is not CallStatus.ANSWERED:
                why = await self._proposer.without_answer(call)
                self._store.fail(call, why.fate, why.note, why.detail, self._run.rule.at_once)
                self._run.dropped(call.step, why.fate, why.note)
            self._ledger.count_call(call.step, Cost.of(call))

    def book_cut_off(self, calls: Iterable[ModelCall | None], is_only: bool) -> None:
        """Book what requests of unfinished steps cost at most that were on their way at a kill: they may be billed.

        is_only: there are no other drivers; of several, each counts what was booked in its next turn.
        """
        sent = [call for call in calls if call and call.status is CallStatus.SENT and call.model != MANUAL]
        if sent:
            billed = sum(map(self._proposer.worst_case, sent), Cost())
            self._store.cut_off(billed.calls, billed.tokens, billed.usd)
            self._ledger.lose(replace(billed, calls=0) if is_only else Cost())
