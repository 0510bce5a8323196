"""What a run's model calls cost and brought, for a person and for a program."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from evolve.report.costs import Costs
from evolve.report.figures import usd_text
from evolve.report.tables import plain_table
from evolve.safe_text import one_line

COLUMNS = ("calls", "lost", "programs", "best", "points", "tokens", "cost", "per\npoint")


def costs_document(found: Costs) -> dict[str, Any]:
    """Return the facts as JSON takes them."""
    return {
        "cost_known": found.cost_known,
        "by_model": [vars(share) | {"usd_per_point": share.usd_per_point} for share in found.by_model],
        "by_kind": [vars(share) | {"usd_per_point": share.usd_per_point} for share in found.by_kind],
        "improvements": [vars(step) for step in found.improvements],
    }


def print_costs(console: Console, found: Costs) -> None:
    """Print the three tables."""
    for title, shares in (("by model", found.by_model), ("by kind of mutation", found.by_kind)):
        table = plain_table(title)
        table.padding = (0, 1)
        table.add_column("", no_wrap=True)
        for column in COLUMNS:
            table.add_column(column, justify="right", no_wrap=True)
        for one in shares:
            counts = (one.calls, one.failed + one.unread, one.programs, one.improvements)
            table.add_row(
                one_line(one.name),
                *map(str, counts),
                f"{one.gain:.2f}",
                str(one.tokens),
                _usd(one.cost_usd),
                _usd(one.usd_per_point),
            )
        console.print(table)
    table = plain_table("per improvement")
    for column in ("program", "train", "points", "cost", "in all"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("made by", no_wrap=True)
    for step in found.improvements:
        money = (_usd(step.cost_usd), _usd(step.total_usd)) if found.cost_known else ("-", "-")
        table.add_row(
            str(step.id), f"{step.score:.2f}", f"{step.gain:.2f}", *money, one_line(f"{step.mutator}, {step.kind}")
        )
    console.print(table)
    if not found.cost_known:
        console.print("Prices are not known (usd_per_mtok_in, usd_per_mtok_out).")


def _usd(amount: float | None) -> str:
    return "-" if amount is None else usd_text(amount)
