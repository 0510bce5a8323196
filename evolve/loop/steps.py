"""The search phase: steps in flight, each of them from a choice to its end.

Each fact is committed before anything depends on it: the choice and the prompt before it is sent, the answer before it
is read, the child before it is evaluated, every result when it comes. A killed run is continued by folding its events
and by taking up each unfinished step after the last of these that is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace

from evolve.archive import CallStatus, ModelCall, Program
from evolve.config import BUILTIN
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.loop.asking import Asking
from evolve.loop.budget import GRACE_S, Cost, Room
from evolve.loop.choosing import Chooser
from evolve.loop.free import Flow, free_models
from evolve.loop.measuring import Judge
from evolve.loop.outages import Outages
from evolve.loop.population import SLICE
from evolve.loop.proposing import Found, NoChild, Proposer
from evolve.loop.rotation import Rotation
from evolve.loop.running import Run, all_kept
from evolve.loop.stopping import Stopped
from evolve.loop.together import Together, lone_key
from evolve.trial import Selection, Trial
from evolve.workers import OutOfTime

TICK_S = 1.0
"""How often the time of work is committed and the budget of minutes looked at."""


class Steps:
    """Keeps steps in flight. The state is what the archive says; memory is a cache of it."""

    def __init__(self, run: Run, proposer: Proposer) -> None:
        self._run, self._proposer, self._rule, self._stop, self._tape = run, proposer, run.rule, run.stop, run.tape
        self._config, self._store, self._ledger = run.config, run.store, run.ledger
        config, store = run.config, run.store
        self._chooser = Chooser(config, run.population.numbers if run.problem.language.name == "python" else None)
        self._outages = Outages(run)
        self._rotation = Rotation(run, self._renew) if config.search.fresh_instances else None
        self._judge = Judge(run, self._rotation)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._last, self._known_for, self._shown = store.last_step(), 0, 0
        self._ended: set[int] = set()  # and not known yet
        self._known: list[int] = []  # and not committed yet
        self._unshown: dict[int, Program | None] = {}
        self._has_winner, self._ticked_s = store.summary().winner_id is not None, 0.0
        self._failure: BaseException | None = None
        self._changed = asyncio.Event()
        self._uncompared, self._compared = set[int](), asyncio.Condition()
        self._flow = Flow(config.workers)
        self._asking = Asking(run, proposer, self._flow, self._outages, self._changed.set)
        is_alone = not store.is_shared or run.tape is not None or bool(lone_key(config))
        self._together = None if is_alone else Together(run, proposer, self._tell, self._begun)
        run.stop.then(self._changed.set)

    async def run(self) -> str:
        """Work until the budget is used up, and return what ended it. Raises Stopped when a person asked to stop."""
        until = None if self._together is None else self._together.begin()
        await self._proposer.prepare()
        await self._take_up(until)
        try:
            while not self._stop.asked:
                room, reason = self._next()
                if room is not Room.YES:
                    self._asking.send()
                if room is Room.NO:
                    await self._finish_flight()
                    if not self._stop.asked:
                        return reason
                elif room is Room.YES:
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

    async def _take_up(self, until: int | None) -> None:
        """Fold the events into the search's state, and start every unfinished step again after its last commit.

        until: the last event to fold here; None: there is no other driver, so all of them.
        """
        store = self._store
        with all_kept():
            for count, entry in enumerate(store.history(until), 1):
                if isinstance(entry, Trial):
                    self._tell(entry)
                else:
                    if self._rotation is not None and self._rotation.is_due(entry.step):
                        self._rotation.enter(entry.step)
                    self._begun(entry)
                if count % SLICE == 0:
                    await asyncio.sleep(0)
        self._shown = store.last_complete_step()  # observers got those, in step order
        for step in store.unknown() if self._together is None else ():
            call = store.model_call(step)
            if call is not None and self._config.deterministic:
                self._ledger.hold(step, self._proposer.worst_case(call))
            self._end(step, store.program(step))
        under_way: list[tuple[Selection, ModelCall | None, Program | None]] = []
        own = store.selections(unfinished=True) if self._together is None else self._together.open_steps()
        unfinished = self._left(own)
        sent = {call.step for _, call, _ in unfinished if call is not None and call.status is CallStatus.SENT}
        places = self._in_flight + len(unfinished) - len(sent)
        for selection, call, program in unfinished:
            in_flight = len(under_way) + self._in_flight
            if call is not None and call.step in sent and not self._may_send(call, in_flight, places):
                error = "not sent again: the budget has no room for it"
                await self._asking.commit([replace(call, status=CallStatus.FAILED, error=error)])
                self._end(selection.step, None)
            else:
                under_way.append((selection, call, program))
                places += selection.step in sent
        for selection, call, program in under_way:
            self._start(selection, call, program)
        self._asking.send()

    def _left(self, selections: Sequence[Selection]) -> list[tuple[Selection, ModelCall | None, Program | None]]:
        """Return what is there of steps that were left; what their calls may have cost is booked."""
        left = [(one, self._store.model_call(one.step), self._store.program(one.step)) for one in selections]
        if self._tape is None:
            self._asking.book_cut_off((call for _, call, _ in left), is_only=self._together is None)
        return left

    def _may_send(self, call: ModelCall, in_flight: int, places: int) -> bool:
        """Hold an unanswered call in the ledger; return whether a budget made smaller has room for it.

        in_flight: steps that go on before it.  places: all those that may become evaluations.
        """
        worst, ledger = self._proposer.worst_case(call), self._ledger
        if self._tape is None and not (ledger.has_place(places) and ledger.room_for(worst, in_flight)[0] is Room.YES):
            return False
        ledger.hold(call.step, worst)
        return True

    # -- choosing ------------------------------------------------------------------------------------------------

    @property
    def _in_flight(self) -> int:
        return len(self._tasks) + (0 if self._together is None else len(self._together.elsewhere))

    def _turn(self) -> AbstractContextManager[None]:
        """Where other drivers may work on the run, have them commit nothing meanwhile."""
        return nullcontext() if self._together is None else self._together.turn()

    def _next(self) -> tuple[Room, str]:
        """Begin the next step if there is room for it; return whether there was, and what ended the run if not."""
        if self._together is not None and self._ledger.room(self._in_flight)[0] is Room.YES and not self._free():
            return Room.LATER, ""  # which needs no turn to be found out
        with self._turn():
            return self._choose()

    def _free(self) -> frozenset[str]:
        return free_models(self._config, self._ledger, self._flow, self._outages.out)

    def _choose(self) -> tuple[Room, str]:
        step = self._last + 1
        if not self._make_known(step):  # which it may remain for ever when an evaluation was given up
            out_of_time = self._tape is None and self._ledger.left_s == 0
            return self._ledger.room(self._in_flight) if out_of_time else (Room.LATER, "")
        if self._tape is not None and step > self._tape.steps:
            self._store.know(self._known)
            self._known = []
            return Room.NO, self._tape.reason
        if self._tape is not None:
            free = frozenset({self._tape.mutators[step - 1]})
            return self._begin(step, free) if self._is_rotated(step) else (Room.LATER, "")
        # A step that has not ended may become an evaluation, so it holds a place: N never become N + 1.
        room, reason = self._ledger.room(self._in_flight)
        if room is not Room.YES:
            return room, reason
        if not self._is_rotated(step):
            return Room.LATER, ""
        if self._rule.at_once and self._in_flight and self._chooser.is_start(step):
            return Room.LATER, ""  # its prompt shows the ideas of the beginnings before it
        free = self._free()
        return self._begin(step, free) if free else (Room.LATER, "")

    def _make_known(self, step: int) -> bool:
        """Make known the ends that the choice of a step depends on; return whether all of them are there."""
        if self._known_for < step:
            news = self._rule.news_for(step)
            if not self._ended.issuperset(news):
                return False
            self._ended.difference_update(news)
            for known in news:
                self._tell(self._store.trial(known))
            self._known.extend(news)
            self._known_for = step
        return True

    def _is_rotated(self, step: int) -> bool:
        """Return whether the epoch of a step has begun; have it begin when every step before it has ended."""
        if self._rotation is None or not self._rotation.is_due(step):
            return True
        if not self._tasks:
            task = self._tasks[step] = asyncio.create_task(self._rotate(self._rotation, step))
            task.add_done_callback(self._moved)
        return False

    async def _rotate(self, rotation: Rotation, step: int) -> None:
        with suppress(OutOfTime):  # of the minutes: a resume with more of them goes on
            await rotation.begin(step)
        del self._tasks[step]

    def _begin(self, step: int, free: frozenset[str]) -> tuple[Room, str]:
        """Choose, commit the choice and the prompt, and start the step, if the budget has room for its call."""
        bound = None if self._tape is None else self._tape.bound(step)
        repeated = self._asking.repeated(step)
        if repeated is not None and repeated.mutator not in free:
            return Room.LATER, ""
        selection = repeated or bound or self._chooser.choose(step, free)
        call = None
        if repeated is not None:
            call = self._asking.again(selection)
        elif selection.mutator != BUILTIN:
            call = self._proposer.question(selection, self._chooser.background(selection.parent_id))
        worst = Cost() if call is None else self._proposer.worst_case(call)
        if self._tape is None:
            room, reason = self._ledger.room_for(worst, self._in_flight)
            others = free - {selection.mutator}
            if room is Room.NO and others and worst.usd > 0:  # there may be room for a call of a cheaper model
                self._asking.end_batch()
                return self._begin(step, others)
            if room is not Room.YES:
                return room, reason
        if self._has_winner:  # of an earlier session with a smaller budget
            self._has_winner = False
            self._store.set_winner(None)
        selection = self._store.choose(selection, call, self._known)
        self._known = []
        if self._together is not None:
            self._together.own.add(step)
        self._begun(selection)
        if call is not None:
            self._ledger.hold(step, worst)
        self._start(selection, call, None)
        return Room.YES, ""

    def _begun(self, selection: Selection) -> None:
        """Take note of a choice that is committed."""
        self._last = max(self._last, selection.step)
        self._chooser.begun(selection)
        self._asking.begun(selection)
        if self._chooser.is_start(selection.step):
            self._asking.end_batch()  # each of several beginnings is another one
        self._judge.begun(selection.step)

    def _renew(self, trials: Sequence[Trial]) -> None:
        """Have the search begin again with these programs, where an epoch begins."""
        self._chooser.renew(trials)
        self._asking.end_batch()

    def _tell(self, trial: Trial) -> None:
        """Make the end of a step known to the search: later choices depend on it."""
        self._chooser.tell(trial, None if self._rotation is None else self._rotation.with_fresh(trial))
        self._judge.tell(trial)
        self._ledger.tell(trial)
        self._outages.known(trial.id)

    # -- one step ------------------------------------------------------------------------------------------------

    def _start(self, selection: Selection, call: ModelCall | None, program: Program | None) -> None:
        step = selection.step
        if program is None:
            self._uncompared.add(step)
        if call is None or call.status is not CallStatus.SENT:
            self._ledger.evaluating.add(step)
        else:
            self._ledger.calling[step] = call.model
            self._asking.join(selection, call)
        task = self._tasks[step] = asyncio.create_task(self._step(selection, call, program))
        task.add_done_callback(self._moved)

    async def _step(self, selection: Selection, call: ModelCall | None, program: Program | None) -> None:
        """Do a step, and take its end. Leaves it unfinished when a stop is asked for."""
        step, has_ended = selection.step, True
        try:
            program = await self._make(selection, call, program)
        except Stopped:
            return
        except OutOfTime:  # of the minutes: the step is left for a resume with more of them
            has_ended = False
        self._ledger.evaluating.discard(step)
        self._flow.ended(self._ledger.session_s, len(self._ledger.evaluating))
        del self._tasks[step]
        if has_ended:
            self._end(step, program)

    async def _make(self, selection: Selection, call: ModelCall | None, program: Program | None) -> Program | None:
        """Return the child of a step as it was scored, or None where it makes none. Raises Stopped, OutOfTime."""
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
        if self._stop.asked:
            raise Stopped
        if program is None:
            return None
        program, fresh = await self._judge.score(selection, program, done)
        self._store.score(program, fresh, self._rule.at_once)
        self._ledger.count_evaluation()
        return program

    async def _child(self, selection: Selection, call: ModelCall | None, found: Found) -> Program | None:
        """Compare a step's child with those before it when it is its turn; commit it, or why there is none."""
        step, rule = selection.step, self._rule
        await self._compared.wait_for(lambda: rule.may_compare(step, self._uncompared, self._last))
        if self._stop.asked:
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

    def _end(self, step: int, program: Program | None) -> None:
        """Take the end of a step, which is committed. Observers get programs in the order of the rule."""
        if self._together is not None:
            self._run.show(program)
            self._together.catch_up()  # in its order among the ends of others
            return
        if self._rule.at_once:
            self._tell(self._store.trial(step))
            self._run.show(program)
            return
        self._ended.add(step)
        if step > self._shown:
            self._unshown[step] = program
        while self._shown + 1 in self._unshown:
            self._shown += 1
            self._run.show(self._unshown.pop(self._shown))

    # -- waiting -------------------------------------------------------------------------------------------------

    def _moved(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            raised = task.exception()  # of each: asyncio prints what nobody asked for
            self._failure = self._failure or raised
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
        if self._together is not None:
            for selection, call, program in self._left(self._together.take_over()):
                self._start(selection, call, program)
                self._asking.send()

    async def _finish_flight(self) -> None:
        """Wait for every step in flight, those of other drivers too: unless time is up, when they may leave theirs."""
        began_s = self._ledger.session_s
        while self._in_flight and not self._stop.asked:
            if not self._tasks and self._ledger.left_s == 0 and self._ledger.session_s - began_s > 2 * GRACE_S:
                break
            await self._wait()

    async def _wind_down(self) -> None:
        """Wait a while for answers that are paid for and evaluations that have begun."""
        self._asking.send()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=GRACE_S)
