"""One program's scores per instance beside its parent's, the seed's and the best baseline's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from evolve.archive import Program, Role, Store
from evolve.evaluator import Split
from evolve.report.chain import ancestors
from evolve.report.tables import plain_table
from evolve.safe_text import one_line

LINEAGE_SHOWN = 12


@dataclass(frozen=True)
class Beside:
    """An instance of train. Scores are None where there is none."""

    instance: str
    score: float | None
    parent: float | None
    seed: float | None
    baseline: float | None


def beside(store: Store, program: Program) -> tuple[list[Beside], str]:
    """Return a program's scores on train beside others', and the name of the best baseline; "" where there is none."""
    baselines = [one for one in store.programs(Role.BASELINE) if one.score is not None]
    best = max(baselines, key=lambda one: one.score or 0.0, default=None)
    parent = None if program.parent_id is None else store.program(program.parent_id)
    seed = store.program(0)
    names = [result.instance_id for result in store.evaluations(0, Split.TRAIN)]

    def at(other: Program | None, place: int) -> float | None:
        return other.scores[place] if other is not None and place < len(other.scores) else None

    rows = [
        Beside(name, at(program, place), at(parent, place), at(seed, place), at(best, place))
        for place, name in enumerate(names)
    ]
    return rows, "" if best is None else best.name


def print_beside(console: Console, store: Store, program: Program) -> None:
    """Print the lineage in a line, and the scores per instance, those that changed most against the parent first."""
    line = ancestors(store, program)
    if len(line) > 1:
        shown = line if len(line) <= LINEAGE_SHOWN else [*line[:2], *line[-(LINEAGE_SHOWN - 2) :]]
        words = [f"{'seed' if one.id == 0 else one.id} {_shown(one.score)}" for one in shown]
        if len(shown) < len(line):
            words.insert(2, f"... {len(line) - len(shown)} more ...")
        console.print(Text.assemble(("lineage  ", "dim"), " > ".join(words)), soft_wrap=True)
    rows, baseline = beside(store, program)
    if not rows or program.id <= 0:
        return
    table = plain_table("On each instance of train")
    table.add_column("instance", overflow="fold")
    titles = ["score", "parent", "seed", one_line(baseline) or "baseline"]
    for title in titles[: 4 if baseline else 3]:
        table.add_column(title, justify="right", overflow="fold")
    table.add_column("against the parent", justify="right", no_wrap=True)
    for row in _most_changed_first(rows):
        gain = None if row.score is None or row.parent is None else row.score - row.parent
        style = "dim" if not gain else "green" if gain > 0 else "red"
        cells = [_shown(row.score), _shown(row.parent), _shown(row.seed), _shown(row.baseline)]
        change = Text("-" if gain is None else f"{gain:+.2f}", style=style)
        table.add_row(one_line(row.instance), *cells[: 4 if baseline else 3], change)
    console.print(table)


def _most_changed_first(rows: Sequence[Beside]) -> list[Beside]:
    def change(row: Beside) -> float:
        return abs((row.score or 0.0) - (row.parent or 0.0)) if row.score is not None else float("inf")

    return sorted(rows, key=change, reverse=True)


def _shown(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"
