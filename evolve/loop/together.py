"""One run, several drivers: each folds the events of all, and a step belongs to the driver that chose it.

What has to agree with what others do happens in a turn, one transaction at a time over all drivers: to choose a step
and hold its cost, to compare a child with those before it, to take a dead driver's steps over. In its turn a driver
folds what the others have committed first, so that a choice knows of all events before it, as it does where there is
one driver. Asking and evaluating take no turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from evolve.archive import CallStatus, Event, EventKind, ModelCall, Program, RunStatus, Stage, Store
from evolve.config import RunConfig
from evolve.errors import UsageError
from evolve.loop.budget import Cost, Ledger
from evolve.loop.population import Population
from evolve.trial import Fate, Selection, Trial

LOOK_EVERY_S = 0.5
"""How often a driver that waits for another looks whether it is done."""
TAKE_OVER_EVERY_S = 5.0


@dataclass(frozen=True)
class Fold:
    """What a driver does with an event of another, or with its own that the search is to know of.

    tell: an end became known.  begun: a step was chosen.  show: a program was scored.  dropped: a step made none.
    worst_case: what a call may cost.
    """

    tell: Callable[[Trial], None]
    begun: Callable[[Selection], None]
    show: Callable[[Program | None], None]
    dropped: Callable[[int, Fate, str], None]
    worst_case: Callable[[ModelCall | None], Cost]


class Together:
    """A driver among others.

    elsewhere: open steps of other drivers.
    """

    def __init__(self, store: Store, population: Population, ledger: Ledger, fold: Fold) -> None:
        self._store, self._population, self._ledger, self._do = store, population, ledger, fold
        self.elsewhere: set[int] = set()
        self._own: set[int] = set()
        self._seq = 0
        self._lost = Cost()
        self._looked_s = 0.0

    def begin(self) -> int:
        """Return the last event; ledger and open steps are as they are then. What the search knows of it is told next.

        Its own are those that it has taken over: when it entered the run, or now from a driver that died since.
        """
        with self._store.turn() as self._seq:
            summary = self._store.summary()
            self._ledger.restart(summary.evaluations, Cost.of_all(summary.calls))
            self._lost = _lost(self._store)
            self._own.update(self._store.take_over())
            self.elsewhere = {one.step for one in self._store.selections(unfinished=True)} - self._own
            for step in self.elsewhere:
                self._hold(step)
        return self._seq

    def open_steps(self) -> list[Selection]:
        """Return the open steps that are this driver's own."""
        self.catch_up()
        return [one for one in self._store.selections(unfinished=True) if one.step in self._own]

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have no other driver commit anything until the end; all that they have committed is folded."""
        with self._store.turn():
            self.catch_up()
            lost = _lost(self._store)
            if lost != self._lost:
                self._ledger.lose(Cost(0, lost.tokens - self._lost.tokens, lost.usd - self._lost.usd))
                self._lost = lost
            yield

    def chosen(self, step: int) -> None:
        """Take note of a step that this driver has chosen."""
        self._own.add(step)

    def catch_up(self) -> None:
        """Fold what has been committed, in its order."""
        for event in self._store.events(after=self._seq):
            self._fold(event)
            self._seq = event.seq

    def take_over(self) -> list[Selection]:
        """Make the open steps of dead drivers this one's own, now and then; return them."""
        self.catch_up()
        if not self.elsewhere or self._ledger.session_s - self._looked_s < TAKE_OVER_EVERY_S:
            return []
        self._looked_s = self._ledger.session_s
        with self.turn():
            steps = [step for step in self._store.take_over() if step in self.elsewhere]
            self._own.update(steps)
            self.elsewhere.difference_update(steps)
            return [selection for step in steps if (selection := self._store.selection(step)) is not None]

    def _fold(self, event: Event) -> None:
        store, step = self._store, event.step
        if event.kind is EventKind.KNOWN:
            self._do.tell(store.trial(step))
        elif event.kind is EventKind.CHOSEN and step not in self._own:
            selection = store.selection(step)
            assert selection is not None, "it was chosen"
            self.elsewhere.add(step)
            self._do.begun(selection)
        elif step in self.elsewhere:
            self._elsewhere(event.kind, step)

    def _elsewhere(self, kind: EventKind, step: int) -> None:
        """Fold what happened to a step of another driver."""
        if kind is EventKind.ASKED:
            self._hold(step)
        elif kind in (EventKind.ANSWERED, EventKind.FAILED):
            call = self._store.model_call(step)
            assert call is not None, "it was asked"
            self._ledger.count_call(step, Cost.of(call))
        elif kind is EventKind.BORN:
            self._population.take_in(step)
        if kind is EventKind.SCORED:
            self.elsewhere.discard(step)
            self._ledger.count_evaluation(is_own=False)
            self._do.show(self._store.program(step))
        elif kind in (EventKind.FAILED, EventKind.DROPPED):
            self.elsewhere.discard(step)
            selection = self._store.selection(step)
            if selection is not None and selection.fate is not None:
                self._do.dropped(step, selection.fate, selection.note)

    def _hold(self, step: int) -> None:
        """Set aside what a call of another driver may cost, which may be on its way."""
        call = self._store.model_call(step)
        if call is not None and call.status is CallStatus.SENT:
            self._ledger.hold(step, self._do.worst_case(call))


def _lost(store: Store) -> Cost:
    """Return what calls may have cost that were cut off, by whatever driver's end."""
    counts = store.counts()
    return Cost(0, int(counts.get("cut_off_tokens", 0)), counts.get("cut_off_usd", 0.0))


@asynccontextmanager
async def only_one(store: Store, stage: Stage) -> AsyncIterator[bool]:
    """Wait until no other driver is at a stage of the run. Gives False where one has finished the run meanwhile."""
    is_over = False
    while not (is_over or store.claim(stage)):
        await asyncio.sleep(LOOK_EVERY_S)
        is_over = store.summary().status is RunStatus.FINISHED
    try:
        yield not is_over
    finally:
        with suppress(UsageError):  # where the database is gone, what failed first says so
            store.release(stage)


def may_be_shared(config: RunConfig) -> bool:
    """Return whether several drivers may work on a run: its choices hang on nothing that one of them alone has."""
    return not (config.deterministic or config.search.fresh_instances or config.replay is not None)


def require_joinable(config: RunConfig, ref: str) -> None:
    """Raises UsageError for a run on which one driver works at a time."""
    for key, is_set in (
        ("deterministic", config.deterministic),
        ("search.fresh_instances", bool(config.search.fresh_instances)),
        ("replay", config.replay is not None),
    ):
        if is_set:
            raise UsageError(f"{ref} has {key}, which fixes an order that one driver keeps: it cannot be joined.")
