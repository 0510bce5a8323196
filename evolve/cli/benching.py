"""evolve bench."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evolve import streams
from evolve.cli import options

if TYPE_CHECKING:
    from evolve.contest import Cell

INTERRUPTED = 130


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@click.command(short_help="Compare strategies or settings at equal budgets.")
@click.argument("problems", metavar="PROBLEM...", nargs=-1, required=True)
@click.option("--search", "searches", metavar="A,B,C", default="", help="Strategies to compare.")
@click.option(
    "--vary",
    "varied",
    multiple=True,
    metavar="KEY=a,b,c",
    help="Values of any key to compare, e.g. model.names=large,small; with --search, every strategy with every value.",
)
@click.option("--model", "models", multiple=True, metavar="NAME", help="As of `evolve run`. Default: builtin.")
@click.option("--base-url", metavar="URL", help="As of `evolve run`.")
@click.option("--api-key-env", metavar="VAR", help="As of `evolve run`.")
@click.option("--evaluations", type=click.IntRange(min=1), metavar="N", help="Of each run. Default: 200.")
@click.option("--calls", type=click.IntRange(min=1), metavar="K", help="Model calls of each run.")
@click.option("--cost-usd", type=click.FloatRange(min=0, min_open=True), metavar="C", help="US dollars of each run.")
@click.option(
    "--seeds", type=click.IntRange(1, 1_000), default=5, show_default=True, metavar="K", help="Seeds 0 to K-1."
)
@options.workers
@options.path_option("--config", metavar="FILE.toml", text="Configuration of all runs; options here win.")
@options.settings
@options.path_option("--out", metavar="DIR", text="Where runs and figures go. Default: runs/bench.")
@options.as_json
def bench(
    problems: tuple[str, ...],
    searches: str,
    varied: tuple[str, ...],
    models: tuple[str, ...],
    base_url: str | None,
    api_key_env: str | None,
    evaluations: int | None,
    calls: int | None,
    cost_usd: float | None,
    seeds: int,
    workers: int | None,
    config: Path | None,
    sets: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> int:
    """Run every strategy (and value) on every PROBLEM with the same seeds and budget, and say which is better.

    Leaves DIR/index.html (curves, ranks, tables), DIR/runs.csv and DIR/runs/, which `evolve show` opens. The same
    command goes on where it was stopped or killed; with more --seeds, problems or strategies it adds what is missing.
    """
    from evolve.contest import Standings, document, is_done, make_contest, read_result, render_page, run_cells, to_csv
    from evolve.report.atomic import write_text
    from evolve.report.contest_screen import print_standings
    from evolve.report.terminal import Terminal

    flags = {
        "model.names": list(models) or None,
        "model.base_url": base_url,
        "model.api_key_env": api_key_env,
        "budget.evaluations": evaluations,
        "budget.calls": calls,
        "budget.cost_usd": cost_usd,
        "workers": workers,
    }
    folder = Path("runs") / "bench" if out is None else out
    contest = make_contest(folder, problems, _listed(searches), varied, seeds, config, sets, flags)
    messages = Terminal(stderr=True, goes_on=True)

    def tell(cell: Cell, done: int, total: int, ran: bool) -> None:
        if ran:
            messages.print(f"{done} of {total}: {cell.problem}, {cell.arm.label}, seed {cell.seed}", soft_wrap=True)

    is_whole = run_cells(contest, tell)
    results = [read_result(cell, contest.unit, contest.budget) for cell in contest.cells if is_done(cell)]
    standings = Standings.of(contest, results)
    command = shlex.join(["evolve", *sys.argv[1:]])
    write_text(folder / "index.html", render_page(contest, standings, command))
    write_text(folder / "runs.csv", to_csv(results))
    if as_json:
        options.print_json(document(contest, results, standings))
    else:
        print_standings(Terminal(), contest, standings)
    if not is_whole:
        streams.say("evolve: stopped. To continue: the same command again.", err=True)
        return INTERRUPTED
    return 0
