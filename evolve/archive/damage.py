"""What is wrong with an archive that cannot be read: the first odd cell, in words. Looked for after a failure only."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Float, Integer, LargeBinary, Table

from evolve.archive.database import url_of
from evolve.archive.events import EventKind
from evolve.archive.models import Base, CompressedText
from evolve.archive.packing import unpack
from evolve.archive.records import CallStatus, Role, RunStatus
from evolve.archive.sqlite_file import NAME
from evolve.evaluator import Split
from evolve.scoring import Status
from evolve.trial import Fate, State

WORDS = {
    ("runs", "status"): RunStatus,
    ("programs", "role"): Role,
    ("programs", "status"): Status,
    ("evaluations", "split"): Split,
    ("evaluations", "status"): Status,
    ("split_figures", "split"): Split,
    ("split_figures", "status"): Status,
    ("selections", "fate"): Fate,
    ("selections", "state"): State,
    ("events", "kind"): EventKind,
    ("model_calls", "status"): CallStatus,
}
"""Columns that hold one of a few words."""
MOST_JSON_CHARS = 1_000_000


def damage_of(folder: Path) -> str:
    """Return what is wrong with a run's SQLite file, the first thing found; empty when nothing is, or there is none."""
    if url_of(folder) is not None:
        return ""
    path = (folder / NAME).resolve()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            connection.text_factory = bytes
            for found in _damages(connection):
                return found
    except (sqlite3.Error, OverflowError) as error:
        return str(error)
    return ""


def _damages(connection: sqlite3.Connection) -> Iterator[str]:
    for (problem,) in connection.execute("PRAGMA quick_check(1)"):
        if problem != b"ok":
            yield problem.decode("utf-8", "replace")
    for table in Base.metadata.sorted_tables:
        there = {row[1].decode() for row in connection.execute(f'PRAGMA table_info("{table.name}")')}
        missing = [column.name for column in table.columns if column.name not in there]
        if missing:
            yield f"table {table.name} has no column {missing[0]}"
            continue
        for column in table.columns:
            yield from _in_column(connection, table, column)
    for table_name, row, other, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"row {row} of {table_name.decode()} names a row of {other.decode()} that is not there"
    winner = "SELECT winner_id FROM runs WHERE winner_id NOT IN (SELECT id FROM programs)"
    for (id,) in connection.execute(winner):
        yield f"the winner is program {id}, which is not there"


def _in_column(connection: sqlite3.Connection, table: Table, column: Column[Any]) -> Iterator[str]:
    """Yield what is wrong in a column: a value of another type, a word that is none, a text that does not inflate."""
    kinds = _kinds(column)
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    name = f'"{table.name}"."{column.name}"'
    place = f"{table.name}.{column.name}"
    for (kind,) in connection.execute(
        f"SELECT typeof({name}) FROM {table.name} WHERE typeof({name}) NOT IN ({listed})"
    ):
        yield f"{place} holds {kind.decode()}, expected {kinds[0]}"
    words = WORDS.get((table.name, column.name))
    if words is not None:
        known = {word.value.encode() for word in words}
        for (word,) in connection.execute(f"SELECT DISTINCT {name} FROM {table.name} WHERE {name} IS NOT NULL"):
            if word not in known:
                yield f"{place} holds {word[:60]!r}, expected one of {', '.join(w.value for w in words)}"
    if isinstance(column.type, CompressedText):
        for (packed,) in connection.execute(f"SELECT {name} FROM {table.name} WHERE {name} IS NOT NULL"):
            yield from _inflated(place, packed, column.type.most_bytes)
    if isinstance(column.type, JSON):
        for (text,) in connection.execute(f"SELECT {name} FROM {table.name} WHERE {name} IS NOT NULL"):
            yield from _parsed(place, text)


def _kinds(column: Column[Any]) -> tuple[str, ...]:
    if isinstance(column.type, Integer | Boolean):
        kinds: tuple[str, ...] = ("integer",)
    elif isinstance(column.type, Float):
        kinds = ("real", "integer")
    elif isinstance(column.type, LargeBinary | CompressedText):
        kinds = ("blob",)
    else:
        kinds = ("text",)
    return (*kinds, "null") if column.nullable else kinds


def _inflated(place: str, packed: bytes, most_bytes: int) -> Iterator[str]:
    try:
        unpack(packed, most_bytes)
    except (ValueError, UnicodeDecodeError) as error:
        yield f"{place} holds {error}"


def _parsed(place: str, text: bytes) -> Iterator[str]:
    if len(text) > MOST_JSON_CHARS:
        yield f"{place} holds {len(text)} characters of JSON"
        return
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        yield f"{place} holds {text[:60]!r}, expected JSON"
        return
    if isinstance(parsed, dict):
        wrong = [value for value in parsed.values() if isinstance(value, str | list | dict | type(None))]
    else:
        wrong = [value for value in parsed if type(value) is not int] if isinstance(parsed, list) else [parsed]
    if wrong and place.endswith((".metrics", ".inspirations")):
        yield f"{place} holds {wrong[0]!r:.60}, expected numbers"
