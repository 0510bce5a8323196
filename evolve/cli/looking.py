"""evolve tree, evolve compare, evolve export, evolve watch."""

from __future__ import annotations

from pathlib import Path

import click

from evolve import streams
from evolve.cli import options
from evolve.errors import UsageError


@click.command(short_help="Show how the best program came about, step by step.")
@click.argument("run", metavar="RUN")
@click.argument("program", required=False, default="best")
@click.option("--all", "all_of_them", is_flag=True, help="The whole tree of programs, by branches.")
@options.as_json
def tree(run: str, program: str, all_of_them: bool, as_json: bool) -> None:
    """Show the ancestors of the best program of RUN, or of PROGRAM, as a chain: what each step changed and brought."""
    from evolve.report.chain import chain
    from evolve.report.damaged import opened
    from evolve.report.places import find_program
    from evolve.report.terminal import Terminal
    from evolve.report.tree import branches, chain_document, print_chain, print_tree, tree_document

    with opened(run) as store:
        if all_of_them:
            found = branches(store)
            if as_json:
                options.print_json({"programs": tree_document(found)})
            else:
                print_tree(Terminal(), found)
            return
        one = find_program(store, program)
        if as_json:
            options.print_json({"program": one.id, "chain": chain_document(chain(store, one))})
        else:
            print_chain(Terminal(), store, one)


@click.command(short_help="Show runs side by side.")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@options.as_json
def compare(runs: tuple[str, ...], as_json: bool) -> None:
    """Show runs side by side: scores with intervals, curves over evaluations, minutes and dollars, settings."""
    from contextlib import ExitStack

    from evolve.report.comparison import compare as compared
    from evolve.report.comparison import comparison_document, print_comparison
    from evolve.report.damaged import opened
    from evolve.report.terminal import Terminal

    with ExitStack() as stack:
        stores = [stack.enter_context(opened(run)) for run in runs]
        if len({store.folder.resolve() for store in stores}) < max(len(stores), 2):
            raise UsageError("compare takes two different runs or more: evolve compare RUN RUN... (see: evolve runs)")
        found = compared(stores)
    if as_json:
        options.print_json(comparison_document(found))
    else:
        print_comparison(Terminal(), found)


@click.command(short_help="Write a table of a run as CSV, JSON lines or Parquet.")
@click.argument("run", metavar="RUN")
@click.option("--table", type=click.Choice(["programs", "evaluations", "calls"]), default="programs", show_default=True)
@click.option("--csv", "form", flag_value="csv", default="csv", help="As CSV, which is the default.")
@click.option("--jsonl", "form", flag_value="jsonl", help="As one JSON object a line.")
@click.option("--parquet", "form", flag_value="parquet", help="As Parquet (pip install 'evolve[parquet]').")
@options.path_option("--out", metavar="FILE", text="Where to. Default: stdout.")
def export(run: str, table: str, form: str, out: Path | None) -> None:
    """Write the programs, evaluations or model calls of RUN as a table that other tools read.

    In CSV, unseen characters are escapes, and a text that a spreadsheet would take for a formula begins with '.
    """
    from evolve.report.damaged import opened
    from evolve.report.rows_out import rows_of, write_rows

    with opened(run) as store:
        count = write_rows(rows_of(store, table), form, out)
    if out is not None:
        streams.say(f"{count} {table} in {out}")


@click.command(short_help="Follow a run of another process until it ends.")
@click.argument("run", metavar="RUN")
@options.as_json
def watch(run: str, as_json: bool) -> None:
    """Follow RUN, a line whenever something is new (* an improvement), until it ends. Ctrl-C stops looking only."""
    from evolve.report.documents import to_json_line
    from evolve.report.following import follow, line_of
    from evolve.report.places import find_run

    folder = find_run(run)
    try:
        for seen in follow(folder):
            if as_json:
                click.echo(to_json_line(seen))
            else:
                streams.say(line_of(seen))
    except KeyboardInterrupt:
        return
