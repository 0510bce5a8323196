"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from evolve.evaluator import Split
from evolve.report.figures import (
    bytes_text,
    cell_interval_text,
    cell_text,
    figure_text,
    score_text,
    seconds_text,
    signed_text,
)
from evolve.report.front import Front
from evolve.report.run_report import SHOWN_SPLITS, RunReport
from evolve.safe_text import one_line, visible
from evolve.scoring import InstanceResult, Status

PUBLISHED = "adrs_score"
"""The metric that is a benchmark's published score: it goes before the others."""
BETWEEN = 3
"""Characters between two columns."""


@dataclass(frozen=True)
class Scored:
    """A named program on a split, as a line of a table."""

    name: str
    status: Status
    score: float | None
    cpu_s: float
    metrics: Mapping[str, float]


def plain_table(title: str = "") -> Table:
    """Return an empty table in the one style that all tables have."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left", title_style="bold")


def front_table(front: Front) -> Table:
    """Return the programs that none beats in all objectives."""
    covered = "" if front.covered is None else f", {100 * front.covered:.0f} % covered of what is above the seed"
    table = plain_table(f"Not beaten in all objectives, on train{covered}")
    table.add_column("program", justify="right")
    table.add_column("score", justify="right")
    for one in front.objectives:
        unit = f", {one.unit}" if one.unit else ""
        table.add_column(visible(f"{one.metric}{unit} ({one.direction})"), justify="right")
    for id, score, values in front.rows:
        table.add_row(str(id), f"{score:.2f}", *(f"{value:.5g}" for value in values))
    return table


def facts_table(facts: Mapping[str, str]) -> Table:
    """Return names and what they stand for, in two columns without a frame."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in facts.items():
        table.add_row(one_line(name), visible(fact))
    return table


def result_table(report: RunReport) -> Table:
    """Return the seed, the baselines and the best program: score per split, interval of test, gap of train to test.

    Where there is little room the names go on in the next line: a figure is never cut.
    """
    table = plain_table()
    table.add_column("program", overflow="fold")
    for split in SHOWN_SPLITS:
        table.add_column("test [95 %]" if split is Split.TEST else split.value, justify="right", no_wrap=True)
    table.add_column("train - test", justify="right", no_wrap=True)
    for row in report.rows:
        name = report.started_from if row.role == "seed" else one_line(f"{row.role} {row.name}")
        style = "bold green" if row.role == "best" else ""
        cells = [cell_text(row.splits[split]) for split in (Split.TRAIN, Split.VALIDATION)]
        table.add_row(name, *cells, cell_interval_text(row.splits[Split.TEST]), signed_text(row.gap), style=style)
    return table


def scored_tables(rows: Sequence[Scored], width: int) -> list[Table]:
    """Return programs with their figures; what does not fit side by side goes into further tables below."""
    names = sorted(dict.fromkeys(name for row in rows for name in row.metrics), key=lambda name: name != PUBLISHED)
    columns: list[tuple[str, list[str]]] = [
        ("status", [row.status.value for row in rows]),
        ("score", ["-" if row.score is None else f"{row.score:.2f}" for row in rows]),
        ("CPU", [seconds_text(row.cpu_s) for row in rows]),
    ]
    columns += [(n, [figure_text(row.metrics[n]) if n in row.metrics else "-" for row in rows]) for n in names]
    first = max([len("program"), *(len(one_line(row.name)) for row in rows)])
    groups: list[list[tuple[str, list[str]]]] = []
    room = 0
    for title, cells in columns:
        wide = BETWEEN + max([len(title), *map(len, cells)])
        if not groups or wide > room:
            groups.append([])
            room = width - first - 2
        groups[-1].append((title, cells))
        room -= wide
    return [_side_by_side([one_line(row.name) for row in rows], group) for group in groups]


def _side_by_side(names: Sequence[str], columns: Sequence[tuple[str, list[str]]]) -> Table:
    table = plain_table()
    table.add_column("program", no_wrap=True)
    for title, _ in columns:
        table.add_column(title, justify="left" if title == "status" else "right", no_wrap=True)
    for name, *cells in zip(names, *(cells for _, cells in columns), strict=True):
        table.add_row(name, *cells)
    return table


def instance_table(results: Sequence[InstanceResult]) -> Table:
    """Return a program's results, one instance a line, with the figures that all of them have in common."""
    table = plain_table()
    table.add_column("instance", no_wrap=True)
    for name in ("score", "CPU", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        style = "" if result.status is Status.OK else "yellow"
        score = Text(score_text(result.status, result.score), style=style)
        memory = bytes_text(result.peak_rss_bytes)
        table.add_row(one_line(result.instance_id), score, seconds_text(result.cpu_s), memory)
    return table


def worst_first(results: Sequence[InstanceResult]) -> list[InstanceResult]:
    """Return the failures in their order, then the rest by score, the lowest first."""
    return sorted(results, key=lambda r: (r.status is Status.OK, r.score if r.score is not None else 0.0))
