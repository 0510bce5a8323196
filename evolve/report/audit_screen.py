"""What `evolve audit` prints in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from evolve.audit import POINTS, REPEATS, SHARE, Audit, Difference, FreshAudit
from evolve.report.figures import score_text, seconds_text
from evolve.report.fresh_screen import print_fresh
from evolve.report.run_report import last_line
from evolve.report.tables import plain_table
from evolve.safe_text import one_line
from evolve.words import counted

DIFFERENCES_SHOWN = 20


def print_audit(console: Console, audit: Audit, fresh: FreshAudit | None = None) -> None:
    """Print what was scored again, each figure that does not reproduce, the flags, fresh instances, and the verdict."""
    subject = audit.subject
    which = one_line(f"program {subject.program.id} of {subject.folder}")
    console.print(Text.assemble((which, "bold"), f", scored again {REPEATS} times"), soft_wrap=True)
    if not subject.is_finished:
        why = f" ({one_line(subject.reason)})" if subject.reason else ""
        names = ", ".join(one.split.value for one in audit.splits)
        console.print(
            f"The run is not finished: {subject.status}{why}. Audited is what is there: the best so far, on {names}.",
            style="yellow",
            highlight=False,
        )
    _print_splits(console, audit)
    for remark in dict.fromkeys(one.remark for one in audit.splits if one.remark):
        console.print(remark, style="yellow")
    _print_differences(console, audit.differences)
    if audit.flags:
        table = plain_table("To look at")
        table.add_column("flag", no_wrap=True, style="yellow")
        table.add_column("line", justify="right", no_wrap=True)
        table.add_column("what")
        for flag in audit.flags:
            line = "" if flag.line is None else str(flag.line)
            table.add_row(flag.kind.replace("_", " "), line, one_line(flag.text))
        console.print(table)
    if audit.timed:
        names = ", ".join(audit.timed)
        tolerance = f"within {SHARE:.0%} (a score: {POINTS:g} points) of the archive in one repeat at least"
        console.print(f"Measured time is in {names}: {tolerance}.", style="dim")
    if fresh is not None:
        print_fresh(console, fresh)
    console.print(_verdict(audit))


def _print_splits(console: Console, audit: Audit) -> None:
    table = plain_table()
    table.add_column("program", no_wrap=True)
    table.add_column("split\n(instances)", no_wrap=True)
    table.add_column("archive", justify="right", no_wrap=True)
    table.add_column("now", justify="right")
    table.add_column("CPU", justify="right")
    table.add_column("", no_wrap=True)
    for one in (*audit.splits, *audit.others):
        archived = "-" if one.archived is None else score_text(one.archived.status, one.archived.score)
        scores = [score_text(score.status, score.score) for score in one.repeats]
        cpu = "\n".join(seconds_text(score.cpu_s) for score in one.repeats)
        wrong = len(one.differences)
        state = Text(f"{wrong} DIFFER", style="bold red") if wrong else Text("reproduces", style="green")
        now = ", ".join(dict.fromkeys(scores))
        name = one.program.name or str(one.program.id)
        split = f"{one.split.value} ({len(one.repeats[0].instances)})"
        table.add_row(name, split, archived, now, cpu, state)
    console.print(table)


def _print_differences(console: Console, differences: list[Difference]) -> None:
    if not differences:
        return
    console.print("What does not reproduce", style="bold")
    for one in differences[:DIFFERENCES_SHOWN]:
        where = one.instance or f"{one.split}, all instances"
        now = " and ".join(_exact(figure) for figure in one.repeats)
        line = f"program {one.program} on {where}: {one.figure} is {_exact(one.archived)} in the archive, {now} now"
        line += f" ({last_line(one.detail)})" if one.detail else ""
        console.print(Text(one_line(line)), style="red", soft_wrap=True)
    if len(differences) > DIFFERENCES_SHOWN:
        console.print(f"The first {DIFFERENCES_SHOWN} of {len(differences)}; --json gives all.")
    console.print()


def _exact(figure: float | str | None) -> str:
    """Return a figure with all its digits: two that differ in the last one must not look the same."""
    return "missing" if figure is None else str(figure)


def _verdict(audit: Audit) -> Text:
    flags = len(audit.flags)
    flagged = f" {counted(flags, 'thing')} to look at, see above." if flags else ""
    if audit.reproduces:
        return Text.assemble(("Every figure reproduces.", "green"), flagged)
    count = len(audit.differences)
    wrong = f"{count} figure{'s do' if count != 1 else ' does'} not reproduce."
    if all(one.repeats_agree for one in audit.differences):
        why = (
            "The repeats agree with each other and not with the archive: the archive, the evaluator or a library has "
            "changed since, or the run was made on another kind of machine."
        )
    else:
        why = "The repeats do not agree with each other: the program's answers depend on chance or on a clock."
    return Text.assemble((wrong, "bold red"), f" {why}{flagged}")
