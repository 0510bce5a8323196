"""Who works on a run in PostgreSQL: processes, also on several machines, each with a lease, and which steps are whose.

Every driver has a row in `drivers`, an advisory lock that its connection holds, and a lease that it renews. It is dead
as soon as the server has noticed that its connection is gone, or its lease is over, whatever comes first: a killed
process is noticed at once, a machine that vanished after `LEASE_S`. All times are the server's.

Every transaction that writes begins with its turn: a lock on the run's row. So the numbers of events come in the order
of commits, and who has a turn sees all that was committed before.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress

from sqlalchemy import BigInteger, Connection, Engine, Identity, bindparam, delete, func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from evolve.archive.models import EventRow, RunRow
from evolve.errors import UsageError

LEASE_S = 30.0
RENEW_S = 5.0

_NOW = text("extract(epoch from clock_timestamp())::float8")
_KEY = "hashtextextended('evolve ' || current_schema() || ' ' || {}, 0)"
_ALIVE = (
    f"(ended IS NULL AND seen > extract(epoch from clock_timestamp()) - {LEASE_S} "
    f"AND NOT pg_try_advisory_xact_lock_shared({_KEY.format('id')}))"
)
_MINE = _KEY.format("CAST(:id AS bigint)")
_LOCK_RUN = select(RunRow.id).with_for_update()
_LAST = select(func.coalesce(func.max(EventRow.seq), 0))


class SharedBase(DeclarativeBase):
    """The tables that only an archive in PostgreSQL has."""

    type_annotation_map = {int: BigInteger}  # noqa: RUF012  (SQLAlchemy reads it so)


class DriverRow(SharedBase):
    """A process that works on the run, or did. seen: when its lease was last renewed.  ended: NULL while it works."""

    __tablename__ = "drivers"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    began: Mapped[float]
    seen: Mapped[float]
    ended: Mapped[float | None]


class ClaimRow(SharedBase):
    """Whose a step is: its driver alone may write it. Steps below 1 stand for stages of the run."""

    __tablename__ = "claims"

    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    driver: Mapped[int]


_CLAIM = insert(ClaimRow)
_OWNER = select(ClaimRow.driver).where(ClaimRow.step == bindparam("step"))
_OWN = text(
    "SELECT c.step FROM claims c JOIN selections s ON s.step = c.step "
    "WHERE s.fate IS NULL AND c.driver = :id ORDER BY c.step"
)
_ORPHANS = text(
    "SELECT c.step FROM claims c JOIN selections s ON s.step = c.step JOIN drivers d ON d.id = c.driver "
    f"WHERE s.fate IS NULL AND d.id != :id AND NOT {_ALIVE} FOR UPDATE OF c SKIP LOCKED"
)


def turn(connection: Connection) -> int:
    """Wait for the turn of a transaction that writes. Returns the number of the last event."""
    connection.execute(_LOCK_RUN)
    return int(connection.execute(_LAST).scalar_one())


def anybody(connection: Connection, but: int = 0) -> bool:
    """Return whether a living driver works on the run, besides one."""
    found = connection.execute(text(f"SELECT 1 FROM drivers WHERE id != :but AND {_ALIVE} LIMIT 1"), {"but": but})
    return found.first() is not None


class Driver:
    """This process as a driver of a run in PostgreSQL."""

    def __init__(self, engine: Engine, what: str) -> None:
        """what: the run, for a person.  connection: what its transactions are made on."""
        self.connection = engine.connect()
        self.id = 0
        self._engine, self._what = engine, what
        self._over = threading.Event()
        self._renewing: threading.Thread | None = None
        with self.connection.begin():  # or who is stopped in the middle of its turn would hold up all others
            self.connection.exec_driver_sql(f"SET idle_in_transaction_session_timeout = {1000 * LEASE_S:.0f}")

    def enter(self, connection: Connection, together: bool = False) -> None:
        """Begin to work on the run, in an open transaction. together: with others, who may be at work already.

        Raises UsageError where others are and should not be.
        """
        turn(connection)
        if not together and anybody(connection):
            found = connection.execute(text(f"SELECT pid, host FROM drivers WHERE {_ALIVE} ORDER BY id"))
            others = ", ".join(f"process {pid} on {host}" for pid, host in found)
            raise UsageError(
                f"{self._what} is being worked on by another process ({others}); wait for it or stop it first. "
                f"To work along with it: evolve join RUN"
            )
        row = {"host": socket.gethostname(), "pid": os.getpid(), "began": _NOW, "seen": _NOW}
        self.id = int(connection.execute(insert(DriverRow).values(**row).returning(DriverRow.id)).scalar_one())
        connection.execute(text(f"SELECT pg_advisory_lock({_MINE})"), {"id": self.id})
        self.take_over(connection)
        # In a thread, with a connection of its own: the loop may be busy for longer than a lease.
        self._renewing = threading.Thread(target=self._renew, daemon=True)
        self._renewing.start()

    def _renew(self) -> None:
        renewal = update(DriverRow).where(DriverRow.id == self.id).values(seen=_NOW)
        while not self._over.wait(RENEW_S):
            # A connection that was cut alone is made again; of a server that is gone the next transaction tells.
            with suppress(UsageError, SQLAlchemyError), self._engine.connect() as connection, connection.begin():
                connection.execute(renewal)

    def claim(self, connection: Connection, step: int) -> None:
        """Write down whose the step is."""
        connection.execute(_CLAIM, {"step": step, "driver": self.id})

    def require_own(self, connection: Connection, step: int, or_nobodys: bool = False) -> None:
        """Raises UsageError for a step or stage that another driver has taken over, since this one's lease was over.

        or_nobodys: it may be nobody's.
        """
        owner = connection.execute(_OWNER, {"step": step}).scalar_one_or_none()
        if owner != self.id and not (or_nobodys and owner is None):
            what = f"step {step}" if step > 0 else "the start" if step else "the end"
            raise UsageError(
                f"{what} of {self._what} was taken over by another driver: this one did not renew its lease for "
                f"{LEASE_S:g} s. What it had committed is kept."
            )

    def take_over(self, connection: Connection) -> list[int]:
        """Make the open steps of dead drivers this one's own. Returns all open steps that are, in their order."""
        orphans = list(connection.execute(_ORPHANS, {"id": self.id}).scalars())
        if orphans:
            connection.execute(update(ClaimRow).where(ClaimRow.step.in_(orphans)).values(driver=self.id))
        return list(connection.execute(_OWN, {"id": self.id}).scalars())

    def claim_stage(self, connection: Connection, stage: int) -> bool:
        """Make a stage this driver's own, where it is nobody's or a dead driver's."""
        owner = connection.execute(_OWNER, {"step": stage}).scalar_one_or_none()
        if owner is None:
            connection.execute(_CLAIM, {"step": stage, "driver": self.id})
        elif owner != self.id:
            if connection.execute(text(f"SELECT 1 FROM drivers WHERE id = :id AND {_ALIVE}"), {"id": owner}).first():
                return False
            connection.execute(update(ClaimRow).where(ClaimRow.step == stage).values(driver=self.id))
        return True

    def release_stage(self, connection: Connection, stage: int) -> None:
        """Have a stage be nobody's."""
        connection.execute(delete(ClaimRow).where(ClaimRow.step == stage, ClaimRow.driver == self.id))

    def is_last(self, connection: Connection) -> bool:
        """Return whether no other driver works on the run."""
        return not anybody(connection, but=self.id)

    def close(self) -> None:
        """Give the lock back; where the server is gone, it has done so itself."""
        self._over.set()
        if self._renewing is not None:
            self._renewing.join()
        with suppress(UsageError, SQLAlchemyError):
            if self.id and not self.connection.closed:
                with self.connection.begin():
                    self.connection.execute(update(DriverRow).where(DriverRow.id == self.id).values(ended=_NOW))
                    self.connection.execute(text(f"SELECT pg_advisory_unlock({_MINE})"), {"id": self.id})
        with suppress(UsageError, SQLAlchemyError):
            self.connection.close()
