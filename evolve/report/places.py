"""Where runs lie, and how a person names one."""

from __future__ import annotations

import datetime
import difflib
import os
import re
import secrets
from pathlib import Path

from evolve.archive import Program, Role, Selection, Store, Summary
from evolve.errors import UsageError

RUNS = Path("runs")
"""The runs folder, in the current directory."""
ARCHIVE = "archive.db"
LAST = "last"
WRITTEN = ("best.py", "config.toml", "log.jsonl", "programs", "seed.py", "summary.md")
"""What a run writes into its folder besides the archive."""


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
    if not os.path.lexists(folder / ARCHIVE):
        for name in WRITTEN:
            if os.path.lexists(folder / name):
                raise UsageError(f"{folder} has a {name} that is not a run's. Give another folder with --run.")
    return folder


def find_run(ref: str, runs: Path = RUNS) -> Path:
    """Return the folder of a run that a person names: its path, its name in the runs folder, or "last".

    "last" is the run that was started last. Raises UsageError when there is no such run.
    """
    if ref == LAST:
        known = [(summary.started, folder) for folder, summary in _readable(runs)]
        if not known:
            raise UsageError(f"there is no run in {runs}/ yet. To start one: evolve run EVALUATOR (see: evolve list)")
        return max(known)[1]
    for folder in (Path(ref), runs / ref):
        if (folder / ARCHIVE).is_file():
            return folder
    if Path(ref).exists():
        raise UsageError(f"{ref} is not a run: it has no {ARCHIVE}. `evolve runs` lists the runs.")
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
    """Return the program of a run that a person names: its id, "seed", "best" or a baseline's name.

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
    number = 0 if ref == "seed" else int(ref) if re.fullmatch(r"-?\d{1,15}", ref) else None
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


def folders(runs: Path = RUNS) -> list[Path]:
    """Return the folders in the runs folder that hold an archive, by name."""
    return sorted(path.parent for path in runs.glob(f"*/{ARCHIVE}"))


def summaries(runs: Path = RUNS) -> list[tuple[Path, Summary | str]]:
    """Return every run of the runs folder with its summary, or why it cannot be read, the newest first."""
    found: list[tuple[float, Path, Summary | str]] = []
    for folder in folders(runs):
        try:
            with Store.open(folder) as store:
                summary = store.summary()
            found.append((summary.started, folder, summary))
        except UsageError as error:
            found.append((0.0, folder, str(error)))
    return [(folder, what) for _, folder, what in sorted(found, key=lambda entry: (-entry[0], entry[1]))]


def _readable(runs: Path) -> list[tuple[Path, Summary]]:
    return [(folder, what) for folder, what in summaries(runs) if isinstance(what, Summary)]
