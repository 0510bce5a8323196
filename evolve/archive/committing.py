"""Committing events: one short transaction each, alone or in turn with other drivers of the run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import IntEnum

from sqlalchemy import Connection, insert

from evolve.archive import drivers
from evolve.archive.database import Database
from evolve.archive.events import EventKind
from evolve.archive.lock import RunLock
from evolve.archive.models import EventRow
from evolve.archive.reader import Reader

_INSERT_EVENT = insert(EventRow)


class Stage(IntEnum):
    """What only one driver of a run does: score what it starts from, and pick the winner."""

    START = -1
    END = 0


class Committing(Reader):
    """A run's archive that is written: what all its transactions have in common."""

    _seq = 0
    _turn: Connection | None = None

    def __init__(self, place: Database, writable: bool = False, lock: RunLock | None = None) -> None:
        super().__init__(place, writable, lock)
        self._writable = writable
        self._driver = drivers.Driver(self._engine, place.shown) if writable and place.is_shared else None

    def close(self) -> None:
        """Close it and give the lock back. May be called twice."""
        if self._driver is not None:
            self._driver.close()
        super().close()

    # -- together with other drivers -----------------------------------------------------------------------------

    @property
    def is_shared(self) -> bool:
        """Whether others may work on the run at the same time."""
        return self._database.is_shared

    @contextmanager
    def turn(self) -> Iterator[int]:
        """Make one transaction of all that is committed inside; nobody else commits anything meanwhile.

        Gives the number of the last event.
        """
        with self._commit() as connection:
            self._turn = connection
            try:
                yield self._seq
            finally:
                self._turn = None

    def take_over(self) -> list[int]:
        """Make the open steps of drivers that are dead this one's own. Returns all that are, in their order."""
        with self._commit() as connection:
            return [] if self._driver is None else self._driver.take_over(connection)

    def claim(self, stage: Stage) -> bool:
        """Make a stage of the run this driver's own; return False where another living driver is at it."""
        if self._driver is None:
            return True
        with self._commit() as connection:
            return self._driver.claim_stage(connection, stage)

    def release(self, stage: Stage) -> None:
        """Have a stage be nobody's: whoever claims it then looks what of it is done."""
        if self._driver is not None:
            with self._commit() as connection:
                self._driver.release_stage(connection, stage)

    # -- a transaction ---------------------------------------------------------------------------------------------

    def _transaction(self) -> AbstractContextManager[Connection]:
        if not self._writable:
            raise RuntimeError(f"{self.folder} is opened for reading only")
        return self._database.transaction(self._connection if self._driver is None else self._driver.connection)

    @contextmanager
    def _entering(self, together: bool = False) -> Iterator[Connection]:
        """The first transaction of who begins to work on the run; where that fails, the archive is closed.

        together: with others, who may be at work already.
        """
        try:
            with self._transaction() as connection:
                yield connection
                if self._driver is not None:
                    self._driver.enter(connection, together)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _commit(self) -> Iterator[Connection]:
        if self._turn is not None:
            yield self._turn
            return
        self._database.require_there()
        before = self._seq
        try:
            with self._transaction() as connection:
                if self._driver is not None:
                    self._seq = drivers.turn(connection)
                yield connection
        except BaseException:
            self._seq = before
            raise

    def _happen(self, connection: Connection, kind: EventKind, *steps: int) -> None:
        now = time.time()
        rows = [{"seq": self._seq + n, "time": now, "step": step, "kind": kind} for n, step in enumerate(steps, 1)]
        if rows:
            connection.execute(_INSERT_EVENT, rows)
            self._seq += len(rows)
