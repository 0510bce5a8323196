"""What a terminal shows of a contest."""

from __future__ import annotations

from rich.console import Console

from evolve.contest import Contest, Standings
from evolve.report.fresh_screen import interval_text
from evolve.report.tables import plain_table
from evolve.safe_text import one_line


def print_standings(console: Console, contest: Contest, standings: Standings) -> None:
    """Print the test score per problem and arm, then the ranks over all, and where the page is."""
    for problem in contest.problems:
        own = [one for one in standings.figures if one.problem == problem]
        if not own:
            continue
        table = plain_table(one_line(problem))
        table.add_column("arm", overflow="fold")
        for name in ("test [95 % over seeds]", "train", "train - test", "area", "runs"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in own:
            gap = f"{one.train - one.test.mean:+.2f}"
            row = (interval_text(one.test), f"{one.train:.2f}", gap, f"{one.area.mean:.2f}", str(one.runs))
            table.add_row(one_line(one.arm), *row)
        console.print(table)
    ranking, areas = standings.by_test, standings.by_area
    if ranking is not None and areas is not None:
        table = plain_table("All problems")
        table.add_column("arm", overflow="fold")
        for name in ("rank on test", "rank by area", f"beats {standings.floor}", "points ahead of it"):
            table.add_column(name, justify="right", no_wrap=True)
        for arm, mean in ranking.ranks.items():
            other = standings.against.get(arm)
            beats = "-" if other is None else f"{other.wins} of {other.wins + other.ties + other.losses}"
            ahead = "-" if other is None else interval_text(other.lead)
            table.add_row(one_line(arm), f"{mean:.2f}", f"{areas.ranks[arm]:.2f}", beats, ahead)
        console.print(table)
        console.print(
            f"Over {ranking.blocks} blocks (problem and seed): chance alone gives ranks that differ as much with p = "
            f"{ranking.p:.4f}; two arms can be told apart when their ranks are {ranking.difference:.2f} apart.",
            soft_wrap=True,
        )
    console.print(one_line(f"page: {contest.out / 'index.html'}"), soft_wrap=True)
