"""Where the archive of a run lies: in its folder, or in PostgreSQL, and then a file of the folder says where."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from evolve.archive.sqlite_file import NAME, SqliteFile
from evolve.archive.writing import Writing
from evolve.archive_url import ArchiveUrl
from evolve.errors import UsageError

POINTER = "archive.url"
"""A file with one line, the address of the run's archive."""
MOST_POINTER_BYTES = 4_000


class Database(Protocol):
    """What the store asks of the place where an archive lies; `SqliteFile` and `PostgresSchema` are the two.

    folder: of the run.  shown: what messages call the archive.  is_shared: several drivers may work on it.
    """

    folder: Path
    shown: str
    is_shared: bool

    def engine(self, writable: bool) -> Engine:
        """Return an engine whose failures are one-line errors where the person can put them right."""

    def transaction(self, connection: Connection) -> AbstractContextManager[Connection]:
        """One short transaction. Raises UsageError for what a person can put right; what was committed stays."""

    def require_there(self) -> None:
        """Raises UsageError where the archive was taken away since it was opened."""

    def exists(self) -> bool:
        """Return whether there is an archive, be it empty."""

    def holds_run(self) -> bool:
        """Return whether a run has begun there."""

    def make(self, connection: Connection) -> None:
        """Make tables and views."""

    def upgrade(self, found: int, is_locked: bool) -> None:
        """Bring an archive of an older schema to the present one. is_locked: the caller has the run's lock."""

    def writing(self, engine: Engine, connection: Connection) -> Writing:
        """Return how a store writes. connection: the one it reads on."""

    def no_run(self) -> str:
        """Return why there is no run where none exists."""

    def refusal(self, error: DatabaseError) -> str:
        """Return why what lies there cannot be opened."""

    def is_worked_on(self, connection: Connection) -> bool:
        """Return whether a living process works on the run."""


def database_of(folder: Path) -> Database:
    """Return where the archive of a run folder lies. Raises UsageError where the folder says it wrongly."""
    url = url_of(folder)
    if url is None:
        return SqliteFile(folder)
    from evolve.archive.postgres import PostgresSchema

    return PostgresSchema(folder, url)


def url_of(folder: Path) -> ArchiveUrl | None:
    """Return the address that a run folder points to; None where the archive is in the folder, or nowhere."""
    path = folder / POINTER
    if os.path.lexists(folder / NAME) or not path.is_file():
        return None
    with path.open(encoding="utf-8", errors="replace") as file:
        url = ArchiveUrl.parse(file.read(MOST_POINTER_BYTES).strip())
    if not url.run:
        raise UsageError(f"{path} names no run: expected postgresql+psycopg://USER@HOST/DATABASE/RUN.")
    return url


def run_names(url: ArchiveUrl) -> list[str]:
    """Return the names of the runs in a database. Raises UsageError where it cannot be reached."""
    from evolve.archive import postgres

    return postgres.run_names(url)


def is_run(folder: Path) -> bool:
    """Return whether a folder holds an archive or points to one; False for a name that no file can have."""
    try:
        return (folder / NAME).is_file() or (folder / POINTER).is_file()
    except (OSError, ValueError):
        return False


def point_to(folder: Path, url: ArchiveUrl) -> None:
    """Have a folder remember where its archive is. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / POINTER).write_text(f"{url}\n", encoding="utf-8")
