"""Where the archive of a run lies: in its folder, or in PostgreSQL, and then a file of the folder says where."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from evolve.archive.postgres import PostgresSchema
from evolve.archive.sqlite_file import NAME, SqliteFile
from evolve.archive_url import ArchiveUrl
from evolve.errors import UsageError

POINTER = "archive.url"
"""A file with one line, the address of the run's archive."""
MOST_POINTER_BYTES = 4_000

Database: TypeAlias = SqliteFile | PostgresSchema
"""Where an archive lies. Both have the same methods; one that `is_shared` may be worked on by several drivers."""


def database_of(folder: Path) -> Database:
    """Return where the archive of a run folder lies. Raises UsageError where the folder says it wrongly."""
    url = url_of(folder)
    return SqliteFile(folder) if url is None else PostgresSchema(folder, url)


def archive_of(folder: Path) -> Database:
    """Return where the archive of a run folder lies. Raises UsageError where there is none."""
    place = database_of(folder)
    place.require_archive()
    return place


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
