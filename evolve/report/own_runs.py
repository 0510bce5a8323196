"""Which runs this user made on this machine: a small file of his own, and a mark in the folder that no copy has.

A run folder is data. What its archive names (code to import, commands to run, servers to send a key to) is used
without asking only where the user's own file knows the folder: by the numbers that the file system gave to its archive
and to an empty file beside it, and by when that file was made. A copy, or a folder unpacked from elsewhere, has others;
a folder that was moved keeps them.
"""

from __future__ import annotations

import json
import math
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evolve.archive.database import POINTER
from evolve.archive.sqlite_file import NAME
from evolve.report.event_log import EventLog
from evolve.user_state import user_state

MARK = ".made-here"
MOST_LINES = 2_000
"""Runs that are remembered; the oldest are forgotten first."""
MOST_BYTES = 4_000_000


@dataclass(frozen=True)
class OwnRun:
    """A run of this user. cwd: where it was started.  mark: what no copy has.

    started: seconds since the epoch, later than of every run before it, even where the clock was set back meanwhile.
    only_pointer: somebody else's, maybe; the user has named its address in a database.
    """

    folder: Path
    cwd: str
    started: float
    mark: tuple[int, ...]
    only_pointer: bool = False


def index_file() -> Path:
    """Return the file that remembers the user's runs: $XDG_STATE_HOME/evolve/runs.jsonl."""
    return user_state() / "runs.jsonl"


def remember(folder: Path, only_pointer: bool = False) -> bool:
    """Mark a run that is being made, and remember it. Returns False where that cannot be written.

    only_pointer: no run is made, the folder stands for one in a database whose address the user has named.
    """
    try:
        (folder / MARK).unlink(missing_ok=True)  # of a start that was killed, or not of this user
        with (folder / MARK).open("x"):
            pass
        mark = _mark_of(folder)
        index = index_file()
        index.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_the_oldest(index)
        log = EventLog(index)
    except (OSError, RuntimeError, ValueError):
        return False
    line: dict[str, object] = {
        "folder": os.fsencode(folder.resolve()).hex(),
        "cwd": _here(),
        "started": time.time(),
        "mark": mark,
    }
    if only_pointer:
        line["only_pointer"] = True
    try:
        log.write(json.dumps(line))
    except OSError:
        return False
    finally:
        log.close()
    return True


def own_runs() -> list[OwnRun]:
    """Return the runs that are remembered, the oldest first; lines that are none are left out."""
    try:
        index = index_file()
        if index.stat().st_size > MOST_BYTES or not index.is_file():
            return []
        lines = index.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, RuntimeError):
        return []
    found: list[OwnRun] = []
    for line in lines:
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            facts = json.loads(line)
            folder = Path(os.fsdecode(bytes.fromhex(facts["folder"])))
            earliest = math.nextafter(found[-1].started, math.inf) if found else 0.0
            started = max(earliest, float(facts["started"]))
            found.append(OwnRun(folder, str(facts["cwd"]), started, tuple(facts["mark"]), "only_pointer" in facts))
    return found


def is_own(folder: Path) -> bool:
    """Return whether this user made the run on this machine, and the folder is that run's and no copy."""
    return any(not run.only_pointer for run in _remembered(folder))


def is_known_pointer(folder: Path) -> bool:
    """Return whether this user made the folder, be it only to stand for a run in a database."""
    return bool(_remembered(folder))


def _remembered(folder: Path) -> list[OwnRun]:
    try:
        mark = _mark_of(folder)
    except OSError:
        return []
    return [run for run in own_runs() if run.mark == mark]


def starts() -> dict[Path, float]:
    """Return when the runs that are remembered were started, by their folders: for their order, as `OwnRun.started`."""
    return {run.folder: run.started for run in own_runs() if not run.only_pointer}


def started_here() -> list[OwnRun]:
    """Return the runs that were started from the current folder, wherever they lie."""
    return [run for run in own_runs() if run.cwd == _here() and not run.only_pointer]


def _mark_of(folder: Path) -> tuple[int, ...]:
    archive, mark = (os.lstat(folder / name) for name in (NAME if os.path.lexists(folder / NAME) else POINTER, MARK))
    return archive.st_ino, mark.st_ino, mark.st_ctime_ns


def _here() -> str:
    return os.fsencode(Path.cwd()).hex()


def _forget_the_oldest(index: Path) -> None:
    if not index.exists() or index.stat().st_size < MOST_BYTES // 2:
        return
    lines = index.read_bytes().splitlines(keepends=True)
    kept = index.with_suffix(".new")
    kept.write_bytes(b"".join(lines[-MOST_LINES:]))
    kept.replace(index)
