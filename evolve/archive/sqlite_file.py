"""The archive as one SQLite file in the run folder, and what its errors mean to a person."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from evolve.archive.lock import RunLock
from evolve.archive.models import Base, compact, from_json
from evolve.archive.views import create_views
from evolve.errors import UsageError

NAME = "archive.db"
WRITTEN_AFTER = "log.jsonl"
"""A file of the run folder that is begun when the archive's tables are committed."""


class SqliteFile:
    """RUN/archive.db, on which one process works. It has the methods of `PostgresSchema`."""

    is_shared = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / NAME
        self.shown = str(self.path)

    def engine(self, writable: bool) -> Engine:
        """Return an engine each of whose connections is a new one."""
        path = self.path.resolve()
        query = "mode=rwc" if writable else self._reading()

        def connect() -> sqlite3.Connection:
            # No transactions of the driver's own: it would begin none for the statements that make the tables.
            return sqlite3.connect(f"{path.as_uri()}?{query}", uri=True, isolation_level=None, check_same_thread=False)

        engine = create_engine(
            "sqlite://", creator=connect, json_serializer=compact, json_deserializer=from_json, poolclass=NullPool
        )

        @event.listens_for(engine, "connect")
        def _prepare(connection: sqlite3.Connection, _record: object) -> None:
            if writable:
                connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA busy_timeout=10000")

        return engine

    def _reading(self) -> str:
        """Return how a reader opens the file.

        A reader needs the -shm file beside it, and makes it where there is none. Who may not write in the folder finds
        it there while the run is at work, and after a kill. Where neither it nor a -wal is there, nobody has the file
        open, and all of the archive is in it: then it is opened as a file that does not change.
        """
        if os.access(self.folder, os.W_OK) and os.access(self.path, os.W_OK):
            return "mode=rw"
        left = (self.folder / f"{NAME}-wal", self.folder / f"{NAME}-shm")
        return "mode=ro" if any(path.exists() for path in left) else "immutable=1"

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[Connection]:
        """One short transaction. Raises UsageError when the disk is full or read-only; what was committed stays."""
        try:
            with connection.begin():
                # By hand, since the driver begins none; an engine event would make SQLAlchemy's every call slower.
                connection.connection.execute("BEGIN")
                yield connection
        except DatabaseError as error:
            if not _is_storage_trouble(error):
                raise
            raise UsageError(
                f"{self.path} cannot be written: {error.orig}. Everything before is kept; "
                f"make room or make it writable, then: evolve resume {self.folder}"
            ) from None

    def require_there(self) -> None:
        """Raises UsageError where the file is gone: SQLite would go on writing, wherever it is now."""
        if not self.path.exists():
            raise UsageError(
                f"{self.folder} is not there any more: moved, or removed? All that was done is kept in its "
                f"{NAME}. Resume it where it is now: evolve resume FOLDER"
            )

    def require_archive(self) -> None:
        """Raises UsageError where there is no archive, be it empty."""
        if not self.path.is_file():
            what = f"is not a run: it has no {NAME}" if self.folder.is_dir() else "does not exist"
            raise UsageError(f"{self.folder} {what}. `evolve runs` lists the runs.")

    def holds_run(self) -> bool:
        """Return whether a run has begun. An archive without tables is left by a start that was killed.

        Where the run has written its log besides, the tables were committed: they went with a -wal that is gone.
        """
        if not self.path.is_file() or self.path.stat().st_size == 0:
            return False
        return (self.folder / WRITTEN_AFTER).is_file() or self._has_tables()

    def _has_tables(self) -> bool:
        try:
            with self.engine(writable=False).connect() as connection:
                return bool(inspect(connection).get_table_names())
        except DatabaseError:
            return True  # whoever opens it gets the reason

    def make(self, connection: Connection) -> None:
        """Make tables and views."""
        Base.metadata.create_all(connection)
        create_views(connection)

    def upgrade(self, found: int, is_locked: bool) -> None:
        """Bring an archive of an older schema to the present one. is_locked: the caller has the run's lock."""
        from evolve.archive import migration

        migration.upgrade_file(self, found, is_locked)

    def refusal(self, error: DatabaseError) -> str:
        """Return why what lies there cannot be opened."""
        if not self.holds_run():
            return (
                f"{self.folder} is not a run: its {NAME} is empty. Either it was stopped as it began (begin it "
                f"again: evolve run ... --run {self.folder}), or it was copied without {NAME}-wal (copy all of it)."
            )
        if not self._has_tables():
            return (
                f"{self.path} holds nothing without {NAME}-wal, where all of this run was. Put that file back; "
                "copy a run as a whole folder, while no process works on it."
            )
        return f"{self.path} is not the archive of a run: {error.orig}."

    def is_worked_on(self, connection: Connection) -> bool:
        """Return whether a living process works on the run."""
        return RunLock.is_held(self.folder)


def _is_storage_trouble(error: DatabaseError) -> bool:
    name = getattr(error.orig, "sqlite_errorname", "")
    return isinstance(error, OperationalError) and name.startswith(
        ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_PERM")
    )
