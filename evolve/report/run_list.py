"""The runs there are, one line each: whatever is wrong with one of them, the others are listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evolve.archive import RunStatus, Store, Summary, url_of
from evolve.config import from_text
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.report.damaged import explained
from evolve.report.documents import to_json
from evolve.report.figures import cell_text, usd_text
from evolve.report.own_runs import starts
from evolve.report.run_document import when
from evolve.report.run_report import Cell
from evolve.report.shared_archives import is_mirrored
from evolve.report.tables import plain_table
from evolve.safe_text import one_line

ROOM_FOR_NAMES = 24
"""A table of runs leaves columns out before names get less room than this."""

TITLES = ("status", "evaluations", "program", "train", "test", "cost")
NOT_EVALUATED = Cell()


@dataclass(frozen=True)
class Listed:
    """A run as it is listed.

    Attributes:
        error: why it cannot be read; the rest is then empty.
        program_id: the program that train and test are of: the winner, or the best on train while there is none.
        cost_usd: None where models were asked whose prices are not known.
        place: in the order of starts, a later one is higher: `started`, unless the clock was set back meanwhile.
    """

    folder: Path
    error: str = ""
    evaluator: str = ""
    status: str = "unreadable"
    reason: str = ""
    seed: int = 0
    evaluations: int = 0
    program_id: int | None = None
    is_winner: bool = False
    train: Cell = NOT_EVALUATED
    test: Cell = NOT_EVALUATED
    model_calls: int = 0
    cost_usd: float | None = None
    active_s: float = 0.0
    started: float = 0.0
    ended: float | None = None
    place: float = 0.0


def listed(folders: Iterable[Path]) -> list[Listed]:
    """Return the runs in some folders, the newest first; those that cannot be read come last, with the reason."""
    own = starts()
    found = [_listed(folder, own) for folder in folders]
    return sorted(found, key=lambda one: (-one.place, str(one.folder)))


def _listed(folder: Path, own: Mapping[Path, float]) -> Listed:
    try:
        with explained(folder), Store.open(folder) as store:
            summary = store.summary()
            known = summary.calls.calls == 0 or from_text(store.config()).prices_known
            id = summary.best_id if summary.winner_id is None else summary.winner_id
            program = None if id is None else store.program(id)
            tests = [f for f in summary.splits if f.program_id == id and f.split is Split.TEST]
            one = Listed(
                folder,
                evaluator=Path(summary.evaluator).name,
                status=status_text(summary),
                reason=summary.reason,
                seed=summary.seed,
                evaluations=summary.evaluations,
                program_id=id,
                is_winner=summary.winner_id is not None,
                train=NOT_EVALUATED if program is None else Cell(program.status, program.score),
                test=Cell(tests[0].status, tests[0].score) if tests else NOT_EVALUATED,
                model_calls=summary.calls.calls,
                cost_usd=summary.calls.cost_usd if known else None,
                active_s=summary.active_s,
                started=float(summary.started),
                ended=summary.ended,
                place=own.get(folder.resolve(), float(summary.started)),
            )
            to_json([list_document([one]), *_cells(one)])  # what cannot be shown is found out here, of this run alone
            return one
    except UsageError as error:
        return Listed(folder, str(error))


def status_text(summary: Summary) -> str:
    """Return a run's status; "failed" where it ended before its seed was scored, and nobody stopped it."""
    begun = summary.best_id is not None or summary.reason.startswith("stopped")
    return "failed" if summary.status is RunStatus.STOPPED and not begun else summary.status.value


def list_document(runs: Sequence[Listed]) -> list[dict[str, Any]]:
    """Return the facts of `evolve runs`."""
    return [
        {"run": one.folder.name, **_place(one.folder), "status": one.status, "error": one.error}
        if one.error
        else {
            "run": one.folder.name,
            **_place(one.folder),
            "evaluator": one.evaluator,
            "status": one.status,
            "reason": one.reason,
            "seed": one.seed,
            "evaluations": one.evaluations,
            "program": one.program_id,
            "program_is_winner": one.is_winner,
            "train": one.train,
            "test": one.test,
            "cost_usd": one.cost_usd,
            "model_calls": one.model_calls,
            "active_s": one.active_s,
            "started": when(one.started),
            "ended": when(one.ended),
        }
        for one in runs
    ]


def _place(folder: Path) -> dict[str, Any]:
    """Return where a run is: its folder, and the address of its archive where that is in a database."""
    place: dict[str, Any] = {"folder": None if is_mirrored(folder) else folder.resolve()}
    with suppress(UsageError):  # which is the run's error already
        if (url := url_of(folder)) is not None:
            place["archive"] = str(url)
    return place


def print_list(console: Console, runs: Sequence[Listed], inside: Path) -> None:
    """Print the runs; one in the folder `inside` by its name, others by their path. No figure is cut."""
    names = [one_line(one.folder.name if one.folder.parent == inside else str(one.folder)) for one in runs]
    rows = [_cells(one) for one in runs]
    columns = [(title, [row[place] for row in rows]) for place, title in enumerate(TITLES)]
    for dropped in ("program", "evaluations", "cost"):
        if _width(columns) + min(max(map(len, names)), ROOM_FOR_NAMES) <= console.width:
            break
        columns = [column for column in columns if column[0] != dropped]
    console.print(_table(names, columns))
    for one, name in zip(runs, names, strict=True):
        if one.error or one.status == "failed":
            console.print(f"{name}: {one_line(one.error or one.reason)}", style="yellow")


def _cells(one: Listed) -> tuple[str, ...]:
    return (
        one.status,
        "" if one.error else str(one.evaluations),
        "-" if one.program_id is None else str(one.program_id),
        cell_text(one.train),
        cell_text(one.test),
        _cost(one),
    )


def _cost(one: Listed) -> str:
    if one.error or one.model_calls == 0:
        return "-"
    return "unknown" if one.cost_usd is None else usd_text(one.cost_usd)


def _width(columns: Sequence[tuple[str, list[str]]]) -> int:
    return sum(3 + max([len(title), *map(len, cells)]) for title, cells in columns)


def _table(names: Sequence[str], columns: Sequence[tuple[str, list[str]]]) -> Table:
    table = plain_table()
    table.add_column("run", overflow="fold")
    for title, _ in columns:
        table.add_column(title, justify="left" if title == "status" else "right", no_wrap=True)
    for name, *cells in zip(names, *(cells for _, cells in columns), strict=True):
        table.add_row(name, *cells)
    return table
