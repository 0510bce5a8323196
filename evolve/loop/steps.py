"""The search phase: steps in flight, each one from a choice to a result that the search is told.

Every fact is committed before anything hangs on it, in this order: the selection and the prompt before it is sent, the
answer before it is parsed, the child before it is evaluated, the result before the search is told. To continue a killed
run is to take each unfinished step up after the last of these that is there.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from evolve.archive import CallStatus, ModelCall, Program, Role, Selection, Store
from evolve.config import BUILTIN, RunConfig
from evolve.evaluator import Split
from evolve.loop.budget import Ledger, Room
from evolve.loop.pacing import AsTheyCome, Ending, InStepOrder, Pacing
from evolve.loop.population import Population
from evolve.loop.proposing import NoChild, Proposer
from evolve.loop.stopping import Stop, Stopped
from evolve.observer import Audience
from evolve.racing import Race, make_race, race_order
from evolve.scoring import InstanceResult, Status, split_score
from evolve.search import Scored, make_strategy

if TYPE_CHECKING:
    from evolve.registry import Problem

GRACE_S = 10.0
"""How long a clean stop waits for the answers and evaluations that are in flight."""
TICK_S = 1.0
"""How often the time of work is committed and the budget of minutes looked at."""


class ChildPool(Protocol):
    """The part of a pool that is needed here."""

    async def evaluate(
        self,
        source: str,
        split: Split,
        indices: Sequence[int],
        stop_at_failure: bool = False,
        race: Race | None = None,
    ) -> list[InstanceResult]:
        """Evaluate a program on instances of a split, in order, until it fails or has lost the race."""


class Steps:
    """Keeps steps in flight. The state is what the archive says; memory is a cache of it."""

    def __init__(
        self,
        config: RunConfig,
        problem: Problem,
        store: Store,
        population: Population,
        proposer: Proposer,
        pool: ChildPool,
        ledger: Ledger,
        stop: Stop,
        audience: Audience,
    ) -> None:
        self._config, self._evaluator = config, problem.evaluator
        self._train = problem.evaluator.instances(Split.TRAIN)
        self._store, self._population, self._proposer, self._pool = store, population, proposer, pool
        self._ledger, self._stop, self._audience = ledger, stop, audience
        self._strategy = make_strategy(config.search)
        self._pacing: Pacing = AsTheyCome()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._last = store.last_step()
        self._told = 0
        self._has_winner = store.summary().winner_id is not None
        self._ticked_s = 0.0
        self._failure: BaseException | None = None
        self._changed = asyncio.Event()
        stop.then(self._changed.set)

    async def run(self) -> str:
        """Work until the budget is used up, and return what ended it. Raises Stopped when a person asked to stop."""
        self._take_up()
        try:
            while not self._stop.asked:
                step = self._last + 1
                room, reason = self._room_for(step)
                if room is Room.NO:
                    await self._finish_flight()
                    return reason
                if room is Room.YES:
                    self._begin(step)
                    await asyncio.sleep(0)  # what has just become ready goes first: a fast mutator must not starve it
                else:
                    await self._wait()
            await self._wind_down()
            raise Stopped
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    # -- from the archive to where the run was -------------------------------------------------------------------

    def _take_up(self) -> None:
        """Rebuild the search's state and start every unfinished step again after its last commit."""
        unfinished = self._store.selections(unfinished=True)
        going = {selection.step for selection in unfinished}
        shown = shown_step(self._store)
        for told in self._store.told():
            self._tell(told.id, told.parent_id, told.island, told.score, told.is_outrun)
        if self._config.deterministic:
            settled = settled_step(self._config, self._last)
            self._pacing = InStepOrder(self._config.search.lag, settled, shown)
            for step in range(settled + 1, self._last + 1):
                if step not in going:
                    self._show(self._pacing.end(self._ending(step)))
        for selection in unfinished:
            step = selection.step
            self._start(selection, self._store.model_call(step), self._store.program(step))

    def _ending(self, step: int) -> Ending:
        return Ending(step, self._store.program(step), self._store.model_call(step))

    # -- choosing ------------------------------------------------------------------------------------------------

    def _room_for(self, step: int) -> tuple[Room, str]:
        due = self._pacing.due(step)
        if due is None:
            return Room.LATER, ""
        for ending in due:
            self._settle(ending)
        # A step that has not ended may become an evaluation, so it holds a place: N never become N + 1.
        in_flight = len(self._tasks)
        room, reason = self._ledger.room(in_flight, self._pacing.unsettled(step, in_flight))
        return (Room.LATER, "") if room is Room.YES and not self._has_slot(step) else (room, reason)

    def _has_slot(self, step: int) -> bool:
        """Whether workers and models can take one more: a short queue keeps workers busy, in a long one choices age."""
        if len(self._ledger.evaluating) >= 2 * self._config.workers:
            return False
        by_model = self._proposer.mutator_of(step) != BUILTIN
        return not by_model or len(self._ledger.calling) < self._config.model.concurrency

    def _begin(self, step: int) -> None:
        """Choose a parent, commit the choice and the prompt, and start the step."""
        choice = self._strategy.ask(random.Random(f"{self._config.seed}/ask/{step}"))
        selection = Selection(
            step=step,
            parent_id=choice.parent,
            inspirations=choice.inspirations,
            island=choice.island,
            told=self._told,
            reason=choice.reason,
            mutator=self._proposer.mutator_of(step),
            bar_id=choice.bar if self._config.racing.enabled else None,
        )
        if self._has_winner:  # of an earlier session with a smaller budget
            self._has_winner = False
            self._store.set_winner(None)
        call = self._proposer.question(selection)
        self._store.add_selection(selection, call)
        self._last = step
        self._start(selection, call, None)

    def _settle(self, ending: Ending) -> None:
        """Let later choices know of a step that is over."""
        program, call = ending.program, ending.call
        if program is not None and program.told is None:
            self._store.add_told(program.id, self._told + 1)
            is_outrun = program.status is Status.OUTRUN
            self._tell(program.id, program.parent_id, program.island, program.score, is_outrun)
        self._ledger.settle(program is not None, call is not None, 0.0 if call is None else call.cost_usd or 0.0)

    def _tell(self, id: int, parent_id: int | None, island: int, score: float | None, is_outrun: bool) -> None:
        self._told += 1
        self._strategy.tell(Scored(id, parent_id, island, score, is_outrun))

    # -- one step ------------------------------------------------------------------------------------------------

    def _start(self, selection: Selection, call: ModelCall | None, program: Program | None) -> None:
        self._pacing.begin(selection.step)
        asks = call is not None and call.status is CallStatus.SENT
        (self._ledger.calling if asks else self._ledger.evaluating).add(selection.step)
        task = self._tasks[selection.step] = asyncio.create_task(self._step(selection, call, program))
        task.add_done_callback(self._moved)

    async def _step(self, selection: Selection, call: ModelCall | None, program: Program | None) -> None:
        """Do a step from wherever its last commit left it. Leaves it unfinished when a stop is asked for."""
        step = selection.step
        if call is not None and call.status is CallStatus.SENT:
            call = await self._ask(call)
        if program is None:
            await self._pacing.turn(step)
            if not self._stop.asked:
                program = self._take_in(selection, call)
        self._pacing.pass_turn(step)
        if self._stop.asked:
            return
        if program is not None:
            order, race = race_order(len(self._train)), self._race(selection)
            results = await self._pool.evaluate(program.source, Split.TRAIN, order, stop_at_failure=True, race=race)
            by_instance = sorted(zip(order, results, strict=False), key=lambda run: run[0])
            program = self._keep(program, [result for _, result in by_instance])
        self._ledger.evaluating.discard(step)
        del self._tasks[step]
        self._show(self._pacing.end(Ending(step, program, call)))

    async def _ask(self, call: ModelCall) -> ModelCall:
        ledger = self._ledger
        self._audience.call_started(call.step, call.model, ledger.progress())
        call = await self._proposer.ask(call)
        ledger.calling.discard(call.step)
        ledger.evaluating.add(call.step)
        ledger.count_call(call.prompt_tokens + call.completion_tokens, call.cost_usd or 0.0)
        self._audience.call_finished(call, ledger.progress())
        self._changed.set()
        return call

    def _take_in(self, selection: Selection, call: ModelCall | None) -> Program | None:
        """Commit the child that a step proposes, or why there is none."""
        step = selection.step
        try:
            proposal, source, mark = self._proposer.child(selection, call)
        except NoChild as why:
            self._store.drop_step(step, why.fate, why.note)
            self._audience.dropped(step, why.fate, why.note, self._ledger.progress())
            return None
        program = Program(
            id=step,
            role=Role.CHILD,
            parent_id=selection.parent_id,
            island=selection.island,
            kind=proposal.kind,
            fingerprint=mark,
            source=source,
            created=time.time(),
        )
        self._store.add_program(program)
        self._population.add(program)
        return program

    def _race(self, selection: Selection) -> Race | None:
        """Return what a step's child races against; of a resumed step, what its choice committed."""
        if selection.bar_id is None:
            return None
        instances = self._population.example(selection.bar_id).instances
        bar = [instances[index][1] for index in race_order(len(instances))]
        return make_race(bar, self._config.racing, "score" in self._evaluator.timed_metrics)

    def _keep(self, program: Program, results: Sequence[InstanceResult]) -> Program:
        """Commit a child's result and, unless results have to wait for their turn, tell the search."""
        score = split_score(self._evaluator, Split.TRAIN, self._train, results)
        scored = replace(program.with_score(score), told=self._told + 1 if self._pacing.at_once else None)
        self._store.add_score(scored, score)
        self._population.add_score(scored, score)
        self._ledger.count_evaluation()
        if scored.told is not None:
            self._tell(scored.id, scored.parent_id, scored.island, scored.score, scored.status is Status.OUTRUN)
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


def settled_step(config: RunConfig, last: int) -> int:
    """Return the last step that the choice of step `last` knew of in full."""
    return max(0, last - 1 - config.search.lag) if config.deterministic else last
