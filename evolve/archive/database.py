"""Opening a run's SQLite file, and what its errors mean to a person."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from evolve.errors import UsageError

NAME = "archive.db"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def open_engine(folder: Path, writable: bool) -> Engine:
    """Return an engine on RUN/archive.db. A reader in a folder it may not write to gets the file as it lies there."""
    path = (folder / NAME).resolve()
    # A reader must be able to create the -shm file next to a WAL database; `immutable` is SQLite's way without it.
    query = "mode=rwc" if writable else ("mode=rw" if _may_write(folder) else "immutable=1")

    def connect() -> sqlite3.Connection:
        # No transactions of the driver's own: it would begin none for the statements that make the tables.
        return sqlite3.connect(f"{path.as_uri()}?{query}", uri=True, isolation_level=None, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, json_serializer=_compact)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        if writable:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA busy_timeout=10000")

    return engine


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and os.access(folder / NAME, os.W_OK)


@contextmanager
def transaction(connection: Connection, folder: Path) -> Iterator[Connection]:
    """One short transaction. Raises UsageError when the disk is full or read-only; what was committed before stays."""
    try:
        with connection.begin():
            # By hand, since the driver begins none; an engine event would make SQLAlchemy's every call slower.
            connection.connection.execute("BEGIN")
            yield connection
    except DatabaseError as error:
        if not _is_storage_trouble(error):
            raise
        raise UsageError(
            f"{folder / NAME} cannot be written: {error.orig}. Everything before is kept; "
            f"make room or make it writable, then: evolve resume {folder}"
        ) from None


def _is_storage_trouble(error: DatabaseError) -> bool:
    name = getattr(error.orig, "sqlite_errorname", "")
    return isinstance(error, OperationalError) and name.startswith(
        ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_PERM")
    )
