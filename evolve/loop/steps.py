"""The search phase: steps in flight, each one from a choice to a result that the search is told.

Every fact is committed before anything hangs on it, in this order: the selection and the prompt before it is sent, the
answer before it is parsed, the child before it is evaluated, the result before the search is told. To continue a killed
run is to take each unfinished step up after the last of these that is there.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from evolve.archive import CallStatus, Fate, ModelCall, Program, Role, Selection, StepEnd, Store, Tape
from evolve.config import BUILTIN, RunConfig
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.loop.budget import GRACE_S, Cost, Ledger, Room
from evolve.loop.choosing import Chooser
from evolve.loop.pacing import AsRecorded, AsTheyCome, Ending, InStepOrder, Pacing
from evolve.loop.population import Population
from evolve.loop.proposing import Found, NoChild, Proposer
from evolve.loop.stopping import Stop, Stopped
from evolve.observer import Audience
from evolve.racing import Race, make_race, race_order
from evolve.scoring import InstanceResult
from evolve.workers import OutOfTime, Pool, split_score

if TYPE_CHECKING:
    from evolve.registry import Problem

TICK_S = 1.0
"""How often the time of work is committed and the budget of minutes looked at."""


class Steps:
    """Keeps steps in flight. The state is what the archive says; memory is a cache of it."""

    def __init__(
        self,
        config: RunConfig,
        problem: Problem,
        store: Store,
        population: Population,
        proposer: Proposer,
        pool: Pool,
        ledger: Ledger,
        stop: Stop,
        audience: Audience,
        tape: Tape | None = None,
    ) -> None:
        self._config, self._evaluator = config, problem.evaluator
        self._train = problem.evaluator.instances(Split.TRAIN)
        self._store, self._population, self._proposer, self._pool = store, population, proposer, pool
        self._ledger, self._stop, self._audience, self._tape = ledger, stop, audience, tape
        self._chooser = Chooser(config)
        self._pacing: Pacing = AsTheyCome()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._last = store.last_step()
        self._taken = store.last_taken()
        self._told = 1
        self._ended = store.last_ended()
        self._heard: list[tuple[int, int]] = []
        self._has_winner = store.summary().winner_id is not None
        self._ticked_s = 0.0
        self._failure: BaseException | None = None
        self._changed = asyncio.Event()
        stop.then(self._changed.set)

    async def run(self) -> str:
        """Work until the budget is used up, and return what ended it. Raises Stopped when a person asked to stop."""
        await self._proposer.prepare()
        self._take_up()
        try:
            while not self._stop.asked:
                room, reason = self._next()
                if room is Room.NO:
                    await self._finish_flight()
                    return reason
                if room is Room.YES:
                    await asyncio.sleep(0)  # what has just become ready goes first: a fast mutator must not starve it
                else:
                    await self._wait()
            await self._wind_down()
            raise Stopped
        except UsageError:
            await self._wind_down()  # one model's missing key takes no answer from the others, who have been asked
            raise
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    # -- from the archive to where the run was -------------------------------------------------------------------

    def _take_up(self) -> None:
        """Rebuild the search's state and start every unfinished step again after its last commit."""
        store, shown = self._store, shown_step(self._store)
        seed = store.program(0)
        assert seed is not None and seed.score is not None  # a run begins with a sound seed
        self._chooser.seeded(seed.score)
        heard = store.step_ends(heard=True)
        for selection in store.selections():
            while self._told < selection.told:
                self._hear(heard[self._told - 1])
            self._chooser.begun(selection)
        while self._told <= len(heard):  # ends that counted from their commit on, since the last choice
            self._hear(heard[self._told - 1])
        if self._tape is not None:
            self._pacing = AsRecorded(self._tape.heard, self._tape.taken, shown, self._taken)
        elif self._config.deterministic:
            lag = self._config.search.lag  # and the last choice knew of all steps up to the one before that
            self._pacing = InStepOrder(lag, max(0, self._last - 1 - lag), shown)
        for end in store.step_ends(heard=False):
            step = end.selection.step
            if end.called and self._config.deterministic:
                self._ledger.hold(step, self._worst_case(store.model_call(step)))
            self._show(self._pacing.end(Ending(end, store.program(step))))
        for selection in store.selections(unfinished=True):
            step = selection.step
            if (call := store.model_call(step)) is not None and call.status is CallStatus.SENT:
                call = self._sendable(call)
            self._start(selection, call, store.program(step))

    def _sendable(self, call: ModelCall) -> ModelCall:
        """Return an unanswered call, held in the ledger; one that failed where a budget made smaller has no room."""
        worst = self._worst_case(call)
        if self._tape is not None or self._ledger.room_for(worst, len(self._tasks))[0] is Room.YES:
            self._ledger.hold(call.step, worst)
            return call
        call = replace(call, status=CallStatus.FAILED, error="not sent again: the budget has no room for it")
        self._store.add_answer(call)
        self._ledger.count_call(call.step, _cost(call))
        return call

    # -- choosing ------------------------------------------------------------------------------------------------

    def _next(self) -> tuple[Room, str]:
        """Begin the next step if there is room for it; return whether there was, and what ended the run if not."""
        step = self._last + 1
        due = self._pacing.due(step)
        if due is None:  # which it may remain for ever when an evaluation was given up
            out_of_time = self._tape is None and self._ledger.left_s == 0
            return self._ledger.room(len(self._tasks)) if out_of_time else (Room.LATER, "")
        for ending in due:
            self._hear(ending.end)
            if not self._pacing.at_once:
                self._heard.append((ending.step, self._told))
        if self._tape is not None and step > self._tape.steps:
            self._store.add_heard(self._heard)
            self._heard = []
            return Room.NO, self._tape.reason
        if self._tape is not None:
            return self._begin(step, frozenset({self._tape.mutators[step - 1]}))
        # A step that has not ended may become an evaluation, so it holds a place: N never become N + 1.
        room, reason = self._ledger.room(len(self._tasks))
        if room is not Room.YES:
            return room, reason
        free = self._free()
        return self._begin(step, free) if free else (Room.LATER, "")

    def _free(self) -> frozenset[str]:
        """Return who can take one more step; a short queue keeps workers busy, in a long one choices age."""
        if len(self._ledger.evaluating) >= 2 * self._config.workers:
            return frozenset()
        models = self._config.models
        calling = Counter(self._ledger.calling.values())
        if self._config.deterministic:  # who is free now hangs on speed: all of them or none
            full = calling.total() >= sum(m.concurrency for m in models)
            return frozenset() if full else frozenset(m.name for m in models)
        return frozenset(m.name for m in models if m.name == BUILTIN or calling[m.name] < m.concurrency)

    def _begin(self, step: int, free: frozenset[str]) -> tuple[Room, str]:
        """Choose, commit the choice and the prompt, and start the step, if the budget has room for its call."""
        selection = self._chooser.choose(step, self._told, free)
        call = None
        if selection.mutator != BUILTIN:
            call = self._proposer.question(selection, self._chooser.background(selection.parent_id))
        worst = self._worst_case(call)
        if self._tape is None:
            room, reason = self._ledger.room_for(worst, len(self._tasks))
            others = free - {selection.mutator}
            if room is Room.NO and others and worst.usd > 0:  # there may be room for a call of a cheaper model
                return self._begin(step, others)
            if room is not Room.YES:
                return room, reason
        if self._has_winner:  # of an earlier session with a smaller budget
            self._has_winner = False
            self._store.set_winner(None)
        self._store.add_selection(selection, call, self._heard)
        self._heard = []
        self._chooser.begun(selection)
        self._last = step
        if call is not None:
            self._ledger.hold(step, worst)
        self._start(selection, call, None)
        return Room.YES, ""

    def _worst_case(self, call: ModelCall | None) -> Cost:
        return Cost() if call is None else Cost(1, *self._proposer.worst_case(call))

    def _hear(self, end: StepEnd) -> None:
        """Let later choices know of a step that is over."""
        self._told += 1
        self._chooser.hear(end)
        self._ledger.settle(end)

    # -- one step ------------------------------------------------------------------------------------------------

    def _start(self, selection: Selection, call: ModelCall | None, program: Program | None) -> None:
        self._pacing.begin(selection.step)
        if call is not None and call.status is CallStatus.SENT:
            self._ledger.calling[selection.step] = call.model
        else:
            self._ledger.evaluating.add(selection.step)
        task = self._tasks[selection.step] = asyncio.create_task(self._step(selection, call, program))
        task.add_done_callback(self._moved)

    async def _step(self, selection: Selection, call: ModelCall | None, program: Program | None) -> None:
        """Do a step from wherever its last commit left it. Leaves it unfinished when a stop is asked for."""
        step, detail = selection.step, ""
        if call is not None and call.status is CallStatus.SENT:
            call = await self._ask(call)
        if program is None:
            found = await self._proposer.read(selection, call)
            await self._pacing.turn(step)
            if not self._stop.asked:
                program, selection, detail = self._take_in(selection, call, found)
        self._pacing.pass_turn(step)
        if self._stop.asked:
            return
        if program is not None:
            try:
                results = await self._evaluate(program, self._race(selection))
            except OutOfTime:  # of the minutes: the step is left for a resume with more of them
                self._ledger.evaluating.discard(step)
                del self._tasks[step]
                return
            program = await self._keep(program, results)
            selection = replace(selection, fate=Fate.SCORED)
        self._ledger.evaluating.discard(step)
        del self._tasks[step]
        self._show(self._pacing.end(Ending(_step_end(selection, program, call, detail), program)))

    async def _ask(self, call: ModelCall) -> ModelCall:
        ledger = self._ledger
        self._audience.call_started(call.step, call.model, ledger.progress())
        call = await self._proposer.ask(call)
        del ledger.calling[call.step]
        ledger.evaluating.add(call.step)
        ledger.count_call(call.step, _cost(call))
        self._audience.call_finished(call, ledger.progress())
        self._changed.set()
        return call

    def _take_in(
        self, selection: Selection, call: ModelCall | None, found: Found
    ) -> tuple[Program | None, Selection, str]:
        """Commit the child of a step, or why there is none; return it, the selection, an insight's detail."""
        step = selection.step
        self._taken += 1
        try:
            child = self._proposer.child(selection, call, found)
        except NoChild as why:
            self._store.drop_step(step, why.fate, why.note, self._taken, self._number(), why.detail)
            self._audience.dropped(step, why.fate, why.note, self._ledger.progress())
            return None, replace(selection, fate=why.fate, note=why.note), why.detail
        program = Program(
            id=step,
            role=Role.CHILD,
            parent_id=selection.parent_id,
            island=selection.island,
            kind=child.proposal.kind,
            fingerprint=child.fingerprint,
            source=child.source,
            created=time.time(),
            idea=child.proposal.idea,
            nearest_id=child.nearest[0] if child.nearest else None,
            likeness=child.nearest[1] if child.nearest else None,
        )
        self._store.add_program(program, self._taken)
        self._population.add(program, child.signature)
        return program, selection, ""

    def _number(self) -> int | None:
        """Return the number of an end that is about to be committed, None where it counts later."""
        if not self._pacing.at_once:
            return None
        self._ended += 1
        return self._ended

    def _race(self, selection: Selection) -> Race | None:
        """Return what a step's child races against; of a resumed step, what its choice committed."""
        if selection.bar_id is None:
            return None
        instances = self._population.example(selection.bar_id).instances
        bar = [instances[index][1] for index in race_order(len(instances))]
        return make_race(bar, self._config.racing, "score" in self._evaluator.timed_metrics)

    async def _evaluate(self, program: Program, race: Race | None) -> list[InstanceResult]:
        """Return a child's results on train, in the order of the instances. Raises OutOfTime."""
        order = race_order(len(self._train))
        deadline_s = self._ledger.deadline_s
        stream = self._pool.evaluate(
            program.source, Split.TRAIN, order, stop_at_failure=True, race=race, deadline_s=deadline_s
        )
        async with aclosing(stream):
            results = [result async for result in stream]
        return [result for _, result in sorted(zip(order, results, strict=False), key=lambda run: run[0])]

    async def _keep(self, program: Program, results: Sequence[InstanceResult]) -> Program:
        """Commit a child's result."""
        score = await split_score(self._pool, Split.TRAIN, results, len(self._train))
        scored = replace(program.with_score(score), told=self._number())
        self._store.add_score(scored, score)
        self._population.add_score(scored, score)
        self._ledger.count_evaluation()
        return scored

    def _show(self, endings: Sequence[Ending]) -> None:
        for ending in endings:
            program = ending.program
            if program is not None:
                improved = self._ledger.beats_best(program.id, program.score)
                self._audience.evaluated(program, improved, self._ledger.progress())

    # -- waiting -------------------------------------------------------------------------------------------------

    def _moved(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and self._failure is None:
            self._failure = task.exception()
        self._changed.set()

    async def _wait(self) -> None:
        """Return when a step has moved on, a stop is asked for, or after a tick. Raises what a step raised."""
        if self._ledger.session_s - self._ticked_s >= TICK_S:
            self._ticked_s = self._ledger.session_s
            self._store.set_active(self._ledger.active_s)
        self._changed.clear()
        if self._failure is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._changed.wait()
        if self._failure is not None:
            raise self._failure

    async def _finish_flight(self) -> None:
        """Wait for every step in flight."""
        while self._tasks and not self._stop.asked:
            await self._wait()
        if self._stop.asked:
            await self._wind_down()
            raise Stopped

    async def _wind_down(self) -> None:
        """Wait a while for answers that are paid for and evaluations that have begun."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=GRACE_S)


def shown_step(store: Store) -> int:
    """Return the last step up to which every step has ended: observers have heard of those, in step order."""
    going = [selection.step for selection in store.selections(unfinished=True)]
    return min(going, default=store.last_step() + 1) - 1


def recall_best(config: RunConfig, store: Store, ledger: Ledger) -> None:
    """Let the ledger know the best of what observers have heard of, in an earlier session."""
    shown = shown_step(store)
    for id, score in store.curve():
        if id <= shown or not config.deterministic:
            ledger.beats_best(id, score)


def _cost(call: ModelCall) -> Cost:
    return Cost(1, call.prompt_tokens + call.completion_tokens, call.cost_usd or 0.0)


def _step_end(selection: Selection, program: Program | None, call: ModelCall | None, detail: str) -> StepEnd:
    """Return how a step ended, as `Store.step_ends` returns it after a resume."""
    child = (
        (program.kind, program.status, program.score, program.failure, program.idea)
        if program is not None
        else (selection.kind, None, None, "", "")
    )
    return StepEnd(
        selection,
        *child,
        None if program is None else program.nearest_id,
        None if program is None else program.likeness,
        called=call is not None,
        answered=call is not None and call.status is CallStatus.ANSWERED,
        tokens=0 if call is None else call.prompt_tokens + call.completion_tokens,
        cost_usd=None if call is None else call.cost_usd,
        detail=detail,
    )
