"""Where runs lie, and how a person names one."""

from __future__ import annotations

import datetime
import difflib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from evolve.archive import Program, Role, Selection, Store, is_run
from evolve.archive.database import POINTER
from evolve.archive.sqlite_file import NAME
from evolve.archive_url import ArchiveUrl, is_archive_url
from evolve.errors import UsageError
from evolve.registry import require_utf8
from evolve.report.event_log import WRITTEN
from evolve.report.own_runs import own_runs, started_here, starts
from evolve.report.shared_archives import folder_for, mirror, require_known_pointer

RUNS = Path("runs")
"""The runs folder, in the current directory."""
LAST = "last"


def new_folder(evaluator: str, runs: Path = RUNS) -> Path:
    """Return the folder of a new run, which is not made yet: runs/EVALUATOR-DATE-ID.

    Raises UsageError when the runs folder cannot be written.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{runs} cannot be made: {error.strerror}. Give another folder with --run DIR.") from None
    if not os.access(runs, os.W_OK | os.X_OK):
        raise UsageError(f"{runs} cannot be written: no permission. Give another folder with --run DIR.")
    name = re.sub(r"[^A-Za-z0-9_.]+", "_", evaluator)
    return runs / f"{name}-{datetime.date.today().isoformat()}-{secrets.token_hex(3)}"


def free_folder(folder: Path) -> Path:
    """Return the folder that a person gave for a new run.

    Raises UsageError when it holds files that the run would write over. Where it holds a run, the archive says so.
    """
    require_utf8(folder)
    if not any(os.path.lexists(folder / name) for name in (NAME, POINTER)):
        for name in WRITTEN:
            if os.path.lexists(folder / name):
                raise UsageError(f"{folder} has a {name} that is not a run's. Give another folder with --run.")
    return folder


def find_run(ref: str, runs: Path = RUNS) -> Path:
    """Return the folder of a run that a person names: its path, its name in the runs folder, or "last".

    "last" is the run that was started last of those in the runs folder and those that were started from here into
    other folders. The address of a run in a database will do, too: a folder in the runs folder then stands for it.
    Raises UsageError when there is no such run, or it is in a database that a folder from elsewhere names.
    """
    folder = _found(ref, runs)
    require_known_pointer(folder)
    return folder


def in_database(ref: str, url: str) -> str:
    """Return the address of a run of a database by its name there, or "last". Raises UsageError."""
    database = ArchiveUrl.parse(url).without_run
    if ref != LAST:
        return str(database.named(ref))
    known = list(_starts(mirror(database)))
    if not known:
        raise UsageError(f"there is no run in {database} yet. To start one: evolve run EVALUATOR --archive {database}")
    return str(database.named(max(known)[1].name))


def _found(ref: str, runs: Path) -> Path:
    if is_archive_url(ref):
        return folder_for(ArchiveUrl.parse(ref), runs)
    if ref == LAST:
        known = list(_starts(runs))
        known += [(run.started, _short(run.folder)) for run in started_here() if is_run(run.folder)]
        if not known:
            raise UsageError(
                f"there is no run in {runs}/ yet, and none was started from here. "
                "To start one: evolve run EVALUATOR (see: evolve list)"
            )
        return max(known)[1]
    for folder in (Path(ref), runs / ref):
        if is_run(folder):
            return folder
    if os.path.lexists(ref):
        raise UsageError(f"{ref} is not a run: it has no {NAME}. `evolve runs` lists the runs.")
    near = difflib.get_close_matches(ref, [folder.name for folder in folders(runs)], n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise UsageError(f"there is no run '{ref}'. {hint}`evolve runs` lists the runs.")


def find_step(store: Store, ref: str) -> Program | Selection:
    """Return the program that `find_program` finds, or else the step of that number, which made none."""
    selection = store.selection(int(ref)) if re.fullmatch(r"\d{1,15}", ref) else None
    if selection is not None and store.program(selection.step) is None:
        return selection
    return find_program(store, ref)


def find_program(store: Store, ref: str) -> Program:
    """Return the program of a run that a person names: its id, "seed", "start", "best" or a baseline's name.

    Raises UsageError that lists the names when there is no such program.
    """
    baselines = {program.name: program for program in store.programs(Role.BASELINE)}
    if ref in baselines:
        return baselines[ref]
    if ref == "best":
        best = store.best()
        if best is None:
            raise UsageError(f"{store.folder} has no best program yet: its seed is not scored.")
        return best
    number = 0 if ref in ("seed", "start") else int(ref) if re.fullmatch(r"-?\d{1,15}", ref) else None
    found = None if number is None else store.program(number)
    if found is None:
        names = ", ".join(["seed", "best", *sorted(baselines)])
        why = ""
        selection = None if number is None else store.selection(number)
        if selection is not None:
            fate = "is still under way" if selection.fate is None else f"ended as {selection.fate.value}"
            why = f" (step {number} {fate}{': ' + selection.note if selection.note else ''})"
        raise UsageError(f"{store.folder} has no program '{ref}'{why}. Known: {names}, or the number of a step.")
    return found


def elsewhere(runs: Path = RUNS, all_of_them: bool = False) -> list[Path]:
    """Return the runs outside the runs folder that were started from here; or all of the user's, from wherever."""
    known = own_runs() if all_of_them else started_here()
    found = dict.fromkeys(_short(run.folder) for run in known if is_run(run.folder))
    return [folder for folder in found if folder.parent != runs and folder.resolve().parent != runs.resolve()]


def _short(folder: Path) -> Path:
    """Return a path below the current folder as such."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def folders(runs: Path = RUNS) -> list[Path]:
    """Return the folders in the runs folder that hold an archive or point to one, by name."""
    return sorted({path.parent for name in (NAME, POINTER) for path in runs.glob(f"*/{name}")})


def _starts(runs: Path) -> Iterator[tuple[float, Path]]:
    """Yield when the runs of a folder were started, for their order; runs that cannot be read are left out."""
    own = starts()
    for folder in folders(runs):
        with suppress(Exception):
            require_known_pointer(folder)
            with Store.open(folder) as store:
                started = float(store.summary().started)
            yield own.get(folder.resolve(), started), folder
