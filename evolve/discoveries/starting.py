"""What `--from` names: the program that a run starts from in the place of the problem's seed."""

from __future__ import annotations

import os
from pathlib import Path

from evolve.archive import Store
from evolve.archive.sqlite_file import NAME
from evolve.config import Start
from evolve.discoveries.folder import best_of, discoveries_of
from evolve.errors import UsageError
from evolve.registry import Problem, read_text
from evolve.report.damaged import explained
from evolve.report.places import find_run

BEST = "best"


def start_of(problem: Problem, ref: str) -> Start:
    """Return the program that a person names.

    ref: "best" for the best discovery of the problem, a discovery's name, a program file, or a run, whose winner it
        then is.  Raises UsageError where it is none of these, or no program of the problem.
    """
    start = _found(problem, ref)
    wrong = problem.language.check(start.source, problem.evaluator.defines)
    if wrong:
        raise UsageError(f"{ref} is no program to start {problem.evaluator.name} from: {wrong}.")
    return start


def _found(problem: Problem, ref: str) -> Start:
    if not ref:
        raise UsageError("--from: give `best`, a program file, or a run.")
    if ref == BEST:
        best = best_of(problem)
        return Start(name=f"discovery {best.ref}", source=best.source)
    known = {name: one for one in discoveries_of(problem) for name in (one.head.name, one.ref)}
    if ref in known:
        return Start(name=f"discovery {known[ref].ref}", source=known[ref].source)
    path = Path(ref)
    if os.path.lexists(path) and not path.is_dir() and path.name != NAME:
        return Start(name=path.name, source=read_text(path, "the program to start from"))
    try:
        folder = find_run(ref)
    except UsageError as error:
        raise UsageError(f"--from {ref}: neither a program file nor a run: {error}") from None
    with explained(folder), Store.open(folder) as store:
        best_there, of = store.best(), Path(store.summary().evaluator).name
    if of != Path(problem.ref).name:
        raise UsageError(f"--from {ref}: {folder} is a run of {of}, not of {problem.evaluator.name}.")
    if best_there is None:
        raise UsageError(f"--from {ref}: {folder} has no best program yet: its seed is not scored.")
    what = best_there.name or f"program {best_there.id}"
    return Start(name=f"{what} of {folder.name}", source=best_there.source)
