"""Opening a run's SQLite file, and what its errors mean to a person."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from evolve.errors import UsageError

NAME = "archive.db"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def from_json(text: str) -> Any:
    """Return what a text of JSON says."""
    try:
        return msgspec.json.decode(text)  # ten times as fast, and there are two of them in a row
    except msgspec.DecodeError:
        return json.loads(text)  # which knows NaN, as old archives may hold it


def open_engine(folder: Path, writable: bool) -> Engine:
    """Return an engine on RUN/archive.db, each of whose connections is a new one."""
    path = (folder / NAME).resolve()
    query = "mode=rwc" if writable else _reading(folder)

    def connect() -> sqlite3.Connection:
        # No transactions of the driver's own: it would begin none for the statements that make the tables.
        return sqlite3.connect(f"{path.as_uri()}?{query}", uri=True, isolation_level=None, check_same_thread=False)

    engine = create_engine(
        "sqlite://", creator=connect, json_serializer=_compact, json_deserializer=from_json, poolclass=NullPool
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        if writable:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA busy_timeout=10000")

    return engine


def _reading(folder: Path) -> str:
    """Return how a reader opens the file.

    A reader needs the -shm file beside it, and makes it where there is none. Who may not write in the folder finds it
    there while the run is at work, and after a kill. Where neither it nor a -wal is there, nobody has the file open,
    and all of the archive is in it: then it is opened as a file that does not change.
    """
    if os.access(folder, os.W_OK) and os.access(folder / NAME, os.W_OK):
        return "mode=rw"
    left = (folder / f"{NAME}-wal", folder / f"{NAME}-shm")
    return "mode=ro" if any(path.exists() for path in left) else "immutable=1"


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
