"""What a run's model calls cost and brought, for a person and for a program."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from evolve.archive import Improvement
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
        "improvements": [_improvement(one) for one in found.improvements],
    }


def print_costs(console: Console, found: Costs) -> None:
    """Print the three tables."""
    for title, parts in (("by model", found.by_model), ("by kind of mutation", found.by_kind)):
        table = plain_table(title)
        table.padding = (0, 1)
        table.add_column("", no_wrap=True)
        for column in COLUMNS:
            table.add_column(column, justify="right", no_wrap=True)
        for part in parts:
            counts = (part.calls, part.failed + part.unread, part.programs, part.improvements)
            table.add_row(
                one_line(part.name),
                *map(str, counts),
                f"{part.gain:.2f}",
                str(part.tokens),
                _usd(part.cost_usd),
                _usd(part.usd_per_point),
            )
        console.print(table)
    table = plain_table("per improvement")
    for column in ("program", "train", "points", "cost", "in all"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("made by", no_wrap=True)
    for one in found.improvements:
        money = (_usd(one.cost_usd), _usd(one.total_usd)) if found.cost_known else ("-", "-")
        made_by = one_line(f"{one.trial.model}, {one.trial.kind}")
        table.add_row(str(one.trial.id), f"{one.score:.2f}", f"{one.gain:.2f}", *money, made_by)
    console.print(table)
    if not found.cost_known:
        console.print("Prices are not known (usd_per_mtok_in, usd_per_mtok_out).")


def _improvement(one: Improvement) -> dict[str, Any]:
    return {
        "id": one.trial.id,
        "mutator": one.trial.model,
        "kind": one.trial.kind,
        "score": one.score,
        "gain": one.gain,
        "cost_usd": one.cost_usd,
        "total_usd": one.total_usd,
    }


def _usd(amount: float | None) -> str:
    return "-" if amount is None else usd_text(amount)
