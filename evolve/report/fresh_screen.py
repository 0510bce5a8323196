"""What a terminal shows of scores on fresh instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from evolve.evaluator import Split
from evolve.intervals import Interval
from evolve.report.tables import plain_table
from evolve.safe_text import one_line
from evolve.scoring import Status

if TYPE_CHECKING:
    from evolve.audit import FreshAudit


def interval_text(interval: Interval | None) -> str:
    """Return a mean with its 95 % interval: "61.24 [55.10, 66.98]"."""
    return "-" if interval is None else f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def print_fresh(console: Console, fresh: FreshAudit) -> None:
    """Print what programs scored on fresh instances, the lead of the best one, and whether it fell beyond chance."""
    on_test = fresh.split is Split.TEST
    said = f", drawn as those of {fresh.split} from the seed {fresh.seed}"
    console.print(Text.assemble((f"{fresh.count} fresh instances", "bold"), said))
    table = plain_table()
    table.add_column("program", overflow="fold")
    table.add_column("fresh", justify="right", no_wrap=True)
    if on_test:
        table.add_column(f"test ({fresh.test_count})", justify="right", no_wrap=True)
    table.add_column("lead: fresh", justify="right", no_wrap=True)
    if on_test:
        table.add_column("falls by", justify="right", no_wrap=True)
    for one in fresh.scores:
        row = [one_line(f"{one.role}: {one.name}" if one.role != one.name else one.name)]
        row.append(interval_text(one.fresh) if one.status is Status.OK else one.status.value)
        row += [interval_text(one.test)] if on_test else []
        row.append(interval_text(one.lead_fresh) if one is not fresh.scores[0] else "")
        row += [interval_text(one.drop) if one is not fresh.scores[0] else ""] if on_test else []
        table.add_row(*row)
    console.print(table)
    console.print(_verdict(fresh))


def _verdict(fresh: FreshAudit) -> Text:
    best, *others = fresh.scores
    if best.status is not Status.OK:
        return Text(f"The best program ends with {best.status.value} on a fresh instance.", style="bold red")
    if fresh.split is not Split.TEST:
        return Text("The run is not finished: there is no test score to compare with.")
    if not any(one.drop is not None for one in others):
        return Text("There is no other program to compare it with.")
    if fresh.is_finding:
        return Text.assemble(
            ("Its lead is smaller on instances that nobody has seen, by more than chance explains:", "bold red"),
            " it knows the instances of the splits, or fits them too well.",
        )
    return Text("Its lead on instances that nobody has seen is, within chance, that on test.", style="green")
