"""evolve discoveries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evolve.cli import options
from evolve.errors import UsageError

if TYPE_CHECKING:
    from evolve.discoveries.making import Order

FRESH = 24


@click.command(short_help="Programs that runs have found and that are kept with their problems.")
@click.argument("evaluator", required=False)
@click.option("--markdown", is_flag=True, help="The table of the README: the best discovery of each problem.")
@click.option("--add", "run", metavar="RUN", help="Make a discovery of the winner of a finished RUN, in its problem.")
@click.option("--name", metavar="NAME", help="With --add: what it is called, e.g. look_before_leaving.")
@click.option("--summary", metavar="TEXT", help="With --add: what it does, in a line. Default: its model's own words.")
@click.option("--program", metavar="PROGRAM", help="With --add: another program of the run than its winner.")
@click.option(
    "--looks", type=click.IntRange(min=1), metavar="N", help="With --add: looks at the public set. Default: 1."
)
@options.path_option("--data", metavar="PATH", text="With --add: the public set, where it is not bundled.")
@options.fresh(f"With --add: fresh instances to score it on. Default: {FRESH}.")
@options.problem
@options.accept_changes
@options.workers
@options.as_json
def discoveries(
    evaluator: str | None,
    markdown: bool,
    run: str | None,
    name: str | None,
    summary: str | None,
    program: str | None,
    looks: int | None,
    data: Path | None,
    fresh: int | None,
    fresh_seed: int | None,
    problem: str | None,
    accept_changes: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """List the discoveries of EVALUATOR, or of all: figures on test, then on the published set.

    A discovery is a folder in EVALUATOR/discoveries/: the program, the record of the run that found it (`evolve replay
    EVALUATOR/NAME`), and an account of what it does and why it is better. `evolve run EVALUATOR --from best` starts
    from one.
    """
    from evolve.discoveries.listing import discoveries_document, lines_of, markdown_table, print_discoveries
    from evolve.report.terminal import Terminal

    if run is None:
        given = (name, summary, program, looks, data, fresh, fresh_seed, problem, workers)
        if any(value is not None for value in given) or accept_changes:
            raise UsageError("only --add RUN takes such options: it makes a discovery of a run.")
        lines = lines_of(evaluator)
        if markdown:
            click.echo(markdown_table(lines), nl=False)
        elif as_json:
            options.print_json({"discoveries": discoveries_document(lines)})
        elif lines:
            print_discoveries(Terminal(), lines)
        else:
            click.echo("There is none yet. To make one of a finished run: evolve discoveries --add RUN --name NAME")
        return
    if evaluator is not None or markdown:
        raise UsageError("--add RUN takes the problem from the run: leave EVALUATOR and --markdown out.")
    if name is None:
        raise UsageError("--add needs a --name, e.g. --name look_before_leaving")
    from evolve.discoveries.making import Order

    drawn = options.fresh_drawn(fresh or FRESH, fresh_seed)
    order = Order(name, summary or "", drawn, data, looks or 1, accept_changes)
    _add(run, program or "best", problem, workers, order, as_json)


def _add(ref: str, wanted: str, moved_to: str | None, workers: int | None, order: Order, as_json: bool) -> None:
    """Make it, and say where it lies."""
    import asyncio

    from evolve.config import from_text
    from evolve.discoveries.listing import discoveries_document, lines_of
    from evolve.discoveries.making import make_discovery
    from evolve.identity import require_same
    from evolve.registry import load_recorded
    from evolve.report.damaged import opened
    from evolve.report.places import find_program
    from evolve.report.trust import require_trust

    with opened(ref) as store, options.announcing("gathering the figures ...", as_lines=True) as announce:
        config = from_text(store.config())
        require_trust(store.folder, config, False, asks_models=False, own_problem=moved_to is not None)
        loaded = load_recorded(config.problem, config.evaluator, moved_to)
        changed = require_same(store.identity(), loaded, order.anew, f"evolve discoveries --add {ref}")
        order = replace(order, anew=bool(changed))
        settings = config.model_copy(update={"workers": workers or config.workers})
        program = find_program(store, wanted)
        made = asyncio.run(make_discovery(store, program, loaded, settings, order, announce))
    if as_json:
        lines = [line for line in lines_of(loaded.ref) if line.discovery.folder == made.folder]
        options.print_json(discoveries_document(lines)[0])
        return
    click.echo(f"{made.folder}")
    click.echo("Now complete its account.md, and play it again: evolve replay " + made.ref)
