"""Several runs side by side: where they ended, how they got there, and in which settings they differ."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from evolve import config as configuration
from evolve.archive import Store
from evolve.evaluator import Split
from evolve.intervals import Interval, mean_interval
from evolve.report.figures import cell_interval_text, duration_text, usd_text
from evolve.report.fresh_screen import interval_text
from evolve.report.page.charts import curve_points
from evolve.report.run_report import SHOWN_SPLITS, Cell, RunReport, describe
from evolve.report.sparkline import sparkline
from evolve.report.tables import plain_table
from evolve.safe_text import one_line

NOT_COMPARED = ("seed", "record", "replay", "start.source")
"""Settings that two runs of one experiment differ in, and a program of many lines, which `start.name` stands for."""


@dataclass(frozen=True)
class Compared:
    """One run.

    Attributes:
        best_id: the program that the scores are of; None before anything is scored.
        cells: its score on each split.
        curve: (evaluations, minutes of work, dollars, best score on train) at each improvement and at the end.
    """

    report: RunReport
    best_id: int | None
    cells: Mapping[Split, Cell]
    curve: tuple[tuple[int, float, float, float], ...]

    @property
    def name(self) -> str:
        """The run folder's name."""
        return self.report.folder.name


@dataclass(frozen=True)
class Comparison:
    """All of them. differing: setting -> its value in each run, for those that are not the same everywhere.

    across: mean test score of the runs with its interval over the runs, where they differ in their seed at most.
    """

    runs: tuple[Compared, ...]
    differing: dict[str, tuple[str, ...]]
    across: Interval | None


def compare(stores: Sequence[Store]) -> Comparison:
    """Return runs side by side."""
    runs = tuple(_compared(store) for store in stores)
    differing = differing_settings([run.report for run in runs])
    tests = [score for run in runs if (score := run.cells[Split.TEST].score) is not None]
    alike = set(differing) <= set(NOT_COMPARED) and len(tests) == len(runs) > 1
    return Comparison(runs, differing, mean_interval(tests) if alike else None)


def _compared(store: Store) -> Compared:
    report = describe(store)
    best = report.row("best")
    return Compared(
        report,
        None if best is None else best.id,
        {split: Cell() for split in SHOWN_SPLITS} if best is None else best.splits,
        tuple(curve_points(store)),
    )


def differing_settings(reports: Sequence[RunReport]) -> dict[str, tuple[str, ...]]:
    """Return the settings in which runs differ, by their dotted key."""
    flat = [_flat(configuration.to_toml(report.config)) for report in reports]
    keys = dict.fromkeys(key for one in flat for key in one)
    found = {key: tuple(one.get(key, "-") for one in flat) for key in keys}
    return {key: values for key, values in found.items() if len(set(values)) > 1}


def _flat(document: str) -> dict[str, str]:
    import tomllib

    found: dict[str, str] = {}

    def walk(value: Any, key: str) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(inner, f"{key}.{name}" if key else name)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, inner in enumerate(value):
                walk(inner, f"{key}[{number}]")
        else:
            found[key] = str(value)

    walk(tomllib.loads(document), "")
    return found


def comparison_document(found: Comparison) -> dict[str, Any]:
    """Return the facts of `evolve compare`."""
    return {
        "runs": [
            {
                "run": run.name,
                "folder": run.report.folder.resolve(),
                "evaluator": run.report.evaluator,
                "status": run.report.status,
                "evaluations": run.report.evaluations,
                "active_s": run.report.active_s,
                "cost_usd": run.report.calls.cost_usd if run.report.cost_known else None,
                "best": run.best_id,
                "splits": run.cells,
                "curve": [
                    dict(zip(("evaluations", "minutes", "cost_usd", "best_on_train"), point, strict=True))
                    for point in run.curve
                ],
            }
            for run in found.runs
        ],
        "differing_settings": found.differing,
        "test_across_runs": found.across,
    }


def print_comparison(console: Console, found: Comparison) -> None:
    """Print runs side by side."""
    table = plain_table()
    table.add_column("run", overflow="fold")
    for title in ("best", *SHOWN_SPLITS, "evaluations", "work", "cost"):
        table.add_column(title, justify="right", overflow="fold")
    for run in found.runs:
        cells = [cell_interval_text(run.cells[split]) for split in SHOWN_SPLITS]
        cost = usd_text(run.report.calls.cost_usd) if run.report.cost_known else "unknown"
        facts = (str(run.report.evaluations), duration_text(run.report.active_s), cost)
        table.add_row(one_line(run.name), "-" if run.best_id is None else str(run.best_id), *cells, *facts)
    console.print(table)
    console.print("Scores of each run's best program, with 95 % intervals over the instances.", style="dim")
    if found.across is not None:
        console.print(
            f"Alike but for their seed: {interval_text(found.across)} on test, 95 % over the {len(found.runs)} runs."
        )
    _print_curves(console, found)
    if found.differing:
        settings = plain_table("Settings that differ")
        settings.add_column("key", no_wrap=True)
        for run in found.runs:
            settings.add_column(one_line(run.name), overflow="fold")
        for key, values in found.differing.items():
            settings.add_row(one_line(key), *(one_line(value) for value in values))
        console.print(settings)
    else:
        console.print("The settings of all of them are the same.")
    names = " ".join(shlex.quote(str(run.report.folder)) for run in found.runs)
    console.print(one_line(f"evolve report {names}"), style="dim", soft_wrap=True)


def _print_curves(console: Console, found: Comparison) -> None:
    blocks = "utf" in console.encoding.lower()
    width = max(12, min(60, console.width - 34))
    for place, name in ((0, "evaluations"), (1, "minutes of work"), (2, "dollars")):
        end = max((run.curve[-1][place] for run in found.runs if run.curve), default=0)
        if end <= 0:
            continue
        console.print(f"best on train over {name}, 0 to {end:.4g}", style="bold")
        least = min(run.curve[0][3] for run in found.runs if run.curve)
        most = max(run.curve[-1][3] for run in found.runs if run.curve)
        for run in found.runs:
            if not run.curve:
                continue
            values = [_at(run, place, end * (cell + 1) / width) for cell in range(width)]
            line = sparkline([least, *values, most], width + 2, blocks)[1:-1]
            console.print(f"  {line} {run.curve[-1][3]:8.2f}  {one_line(run.name)}", no_wrap=True, overflow="ellipsis")
    console.print()


def _at(run: Compared, place: int, x: float) -> float:
    """Return the best score by then."""
    reached = [point[3] for point in run.curve if point[place] <= x]
    return reached[-1] if reached else run.curve[0][3]
