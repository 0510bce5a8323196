"""Archives of an earlier schema: brought to the present one where they lie, an SQLite file after a copy.

From schema 2 on the revisions of Alembic in `revisions/versions` do it, in both databases; their numbers are those of
the schema. The tables of a new run are made from the models.

Schema 1, which was SQLite's alone, is rewritten by hand: what it lacks is no column but the sequence of events, and
whoever opens such a run needs nothing that the base install does not have. It had no table of events. Their order was
kept in numbers: `selections.taken`, in which order children were compared, `selections.ended`, in which order ends
became known to the search, and `selections.told`, how many of them a choice knew of. The sequence that these numbers
describe is written down here.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from evolve.archive.events import EventKind
from evolve.archive.lock import RunLock
from evolve.archive.models import SCHEMA_VERSION, Base
from evolve.archive.packing import MOST_SOURCE_BYTES, unpack
from evolve.archive.records import CallStatus, count_names
from evolve.archive.sqlite_file import SqliteFile
from evolve.errors import UsageError
from evolve.trial import State

if TYPE_CHECKING:
    from alembic.config import Config

OLD = 1
"""The schema that is rewritten by hand."""
REVISIONS = Path(__file__).parent / "revisions"

_Rows = dict[int, dict[str, Any]]


def stamp(connection: Connection, schema: int, revisions: Path = REVISIONS) -> Config:
    """Write down which schema tables have, for Alembic, which must be installed. Returns what its commands take."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(revisions).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.stamp(config, str(schema))
    return config


def upgrade(connection: Connection, found: int, to: int = SCHEMA_VERSION, revisions: Path = REVISIONS) -> None:
    """Bring tables to a schema by the revisions, in the transaction that is open. found: theirs.

    Raises UsageError where Alembic is not installed.
    """
    try:
        from alembic import command
    except ImportError:
        raise UsageError(
            f"the archive has schema {found}, of an earlier evolve, and Alembic brings it to schema {to}: "
            "pip install 'evolve[postgres]'."
        ) from None
    command.upgrade(stamp(connection, found, revisions), str(to))
    connection.execute(text("UPDATE runs SET schema_version = :to"), {"to": to})


def upgrade_file(
    file: SqliteFile, found: int, is_locked: bool, to: int = SCHEMA_VERSION, revisions: Path = REVISIONS
) -> None:
    """Bring an SQLite archive to a schema. is_locked: the caller has the run's lock.

    The archive as it was stays as archive.schemaN.db. Raises UsageError when it cannot be written, or is at work.
    """
    path, lock = file.path, RunLock(file.folder)
    what = f"{path} has schema {found}, of an earlier evolve, and is brought to schema {to} where it lies"
    if not os.access(file.folder, os.W_OK):
        raise UsageError(f"{what}, which cannot be written: copy the folder to where it can.")
    if not is_locked and not lock.acquire():
        raise UsageError(f"{what}: first let the process that works on it end.")
    try:
        copy = path.with_suffix(f".schema{found}.db")
        copy.unlink(missing_ok=True)
        with file.engine(writable=True).connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("VACUUM INTO ?", (str(copy),))
            connection.rollback()
            with file.transaction(connection):
                if found == OLD:
                    _rewrite(file, connection)
                else:
                    upgrade(connection, found, to, revisions)
    finally:
        lock.release()


def _rewrite(file: SqliteFile, connection: Connection) -> None:
    old = {name: _rows(connection, name) for name in ("programs", "selections", "model_calls", "runs")}
    for name in old:
        connection.execute(text(f"DROP TABLE {name}"))
    file.make(connection)
    programs = {row["id"]: row for row in old["programs"]}
    calls = {row["step"]: row for row in old["model_calls"]}
    events, known = [], {}
    for seq, (time, step, kind) in enumerate(_events(programs, old["selections"], calls), 1):
        events.append({"seq": seq, "time": time, "step": step, "kind": kind.value})
        if kind is EventKind.CHOSEN:
            known[step] = seq - 1
    scores = _scores(connection)
    for row in programs.values():
        row["place"] = str(row["island"]) if row["id"] > 0 else ""
        chars = len(unpack(row["source"], MOST_SOURCE_BYTES))
        row |= {"scores": json.dumps(scores.get(row["id"], [])), "chars": chars, "tokens": 0}
    for row in old["selections"]:
        row |= {"place": str(row["island"]), "known": known[row["step"]], "state": _state(row, programs, calls)}
    old["runs"][0] |= {"schema_version": SCHEMA_VERSION, "identity": "{}"}
    counts = _counts(programs, old["selections"], calls)
    old |= {"events": events, "counts": [{"name": name, "value": value} for name, value in counts.items()]}
    for name, rows in old.items():
        if rows:
            names = [column.name for column in Base.metadata.tables[name].columns if column.name in rows[0]]
            values = ", ".join(f":{column}" for column in names)
            connection.execute(text(f"INSERT INTO {name} ({', '.join(names)}) VALUES ({values})"), rows)


def _rows(connection: Connection, name: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {name} ORDER BY 1"))]


def _events(programs: _Rows, selections: list[dict[str, Any]], calls: _Rows) -> Iterator[tuple[float, int, EventKind]]:
    """Yield (time, step, kind) of what the numbers describe, as far as it was committed."""
    compared = iter(sorted((row for row in selections if row["taken"]), key=lambda row: row["taken"]))
    there: set[int] = set()
    ended = {row["ended"]: row for row in selections if row["ended"]}
    time = 0.0

    def compare_until(step: int | None) -> Iterator[tuple[float, int, EventKind]]:
        """Children are compared in their order, up to that of a step, or all of them."""
        nonlocal time
        while step is None or step not in there:
            row = next(compared, None)
            if row is None:
                return
            there.add(row["step"])
            call, child = calls.get(row["step"]), programs.get(row["step"])
            time = child["created"] if child else time
            if call and call["status"] == CallStatus.ANSWERED:
                yield time, row["step"], EventKind.ANSWERED
            if child:
                yield time, row["step"], EventKind.BORN
            if row["fate"]:
                failed = call and call["status"] == CallStatus.FAILED
                yield (
                    time,
                    row["step"],
                    EventKind.SCORED if child else EventKind.FAILED if failed else EventKind.DROPPED,
                )

    for id in sorted((id for id in programs if id < 1), reverse=True):
        time = programs[id]["created"]
        yield time, id, EventKind.BORN
        if programs[id]["status"]:
            yield time, id, EventKind.SCORED
    if 0 in programs and programs[0]["status"]:
        yield time, 0, EventKind.KNOWN
    told = 1
    for row in selections:
        for number in range(told + 1, row["told"] + 1):
            yield from compare_until(ended[number]["step"])
            yield time, ended[number]["step"], EventKind.KNOWN
        told = max(told, row["told"])
        yield time, row["step"], EventKind.CHOSEN
        if row["step"] in calls:
            yield time, row["step"], EventKind.ASKED
    yield from compare_until(None)
    for number in sorted(number for number in ended if number > told):
        yield time, ended[number]["step"], EventKind.KNOWN
    for step, call in calls.items():
        if step not in there and call["status"] == CallStatus.ANSWERED:
            yield time, step, EventKind.ANSWERED


def _state(row: dict[str, Any], programs: _Rows, calls: _Rows) -> str:
    call = calls.get(row["step"])
    if row["step"] in programs:
        return State.SCORED if row["fate"] else State.BORN
    if row["fate"]:
        return State.FAILED if call and call["status"] == CallStatus.FAILED else State.DROPPED
    if call is None:
        return State.CHOSEN
    return State.ASKED if call["status"] == CallStatus.SENT else State.ANSWERED


def _scores(connection: Connection) -> dict[int, list[float | None]]:
    found: dict[int, list[float | None]] = {}
    train = "SELECT program_id, score FROM evaluations WHERE split = 'train' ORDER BY program_id, position"
    for program_id, score in connection.execute(text(train)):
        found.setdefault(program_id, []).append(score)
    return found


def _counts(programs: _Rows, selections: list[dict[str, Any]], calls: _Rows) -> dict[str, float]:
    counts: Counter[str] = Counter(dict.fromkeys(count_names(), 0))
    counts["steps"], counts["calls"] = len(selections), len(calls)
    counts.update(f"steps {row['fate']}" for row in selections if row["fate"])
    counts.update(f"programs {row['status']}" for id, row in programs.items() if id > 0 and row["status"])
    counts.update(f"calls {row['status']}" for row in calls.values())
    counts["prompt_tokens"] = sum(row["prompt_tokens"] for row in calls.values())
    counts["completion_tokens"] = sum(row["completion_tokens"] for row in calls.values())
    return {**counts, "cost_usd": math.fsum(row["cost_usd"] or 0.0 for row in calls.values())}
