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

from evolve.archive import CallStatus, Event, EventKind, RunStatus, Stage, Store
from evolve.config import RunConfig
from evolve.errors import UsageError
from evolve.loop.budget import Cost
from evolve.loop.proposing import Proposer
from evolve.loop.running import Run
from evolve.trial import Selection, Trial

LOOK_EVERY_S = 0.5
"""How often a driver that waits for another looks whether it is done."""
TAKE_OVER_EVERY_S = 5.0


class Together:
    """A driver among others. What they did is folded as its own: tell, begun: an end became known, a step was chosen.

    own: steps that this driver has begun or taken over.  elsewhere: open steps of other drivers.
    """

    def __init__(
        self, run: Run, proposer: Proposer, tell: Callable[[Trial], None], begun: Callable[[Selection], None]
    ) -> None:
        self._run, self._store, self._ledger, self._proposer = run, run.store, run.ledger, proposer
        self._tell, self._begun = tell, begun
        self.elsewhere: set[int] = set()
        self.own: set[int] = set()
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
            self.own.update(self._store.take_over())
            self.elsewhere = {one.step for one in self._store.selections(unfinished=True)} - self.own
            for step in self.elsewhere:
                self._hold(step)
        return self._seq

    def open_steps(self) -> list[Selection]:
        """Return the open steps that are this driver's own."""
        self.catch_up()
        return [one for one in self._store.selections(unfinished=True) if one.step in self.own]

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
            self.own.update(steps)
            self.elsewhere.difference_update(steps)
            return [selection for step in steps if (selection := self._store.selection(step)) is not None]

    def _fold(self, event: Event) -> None:
        store, step = self._store, event.step
        if event.kind is EventKind.KNOWN:
            self._tell(store.trial(step))
        elif event.kind is EventKind.CHOSEN and step not in self.own:
            selection = store.selection(step)
            assert selection is not None, "it was chosen"
            self.elsewhere.add(step)
            self._begun(selection)
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
            self._run.population.take_in(step)
        if kind is EventKind.SCORED:
            self.elsewhere.discard(step)
            self._ledger.count_evaluation(is_own=False)
            self._run.show(self._store.program(step))
        elif kind in (EventKind.FAILED, EventKind.DROPPED):
            self.elsewhere.discard(step)
            selection = self._store.selection(step)
            if selection is not None and selection.fate is not None:
                self._run.dropped(step, selection.fate, selection.note)

    def _hold(self, step: int) -> None:
        """Set aside what a call of another driver may cost, which may be on its way."""
        call = self._store.model_call(step)
        if call is not None and call.status is CallStatus.SENT:
            self._ledger.hold(step, self._proposer.worst_case(call))


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


def lone_key(config: RunConfig) -> str:
    """Return the key of a configuration that fixes an order which one driver keeps; "" where several may work on it."""
    keys = {
        "deterministic": config.deterministic,
        "search.fresh_instances": config.search.fresh_instances,
        "replay": config.replay,
    }
    return next((key for key, is_set in keys.items() if is_set), "")


def require_joinable(config: RunConfig, ref: str) -> None:
    """Raises UsageError for a run on which one driver works at a time."""
    if key := lone_key(config):
        raise UsageError(f"{ref} has {key}, which fixes an order that one driver keeps: it cannot be joined.")
