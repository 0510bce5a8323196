"""evolve runs, evolve show, evolve best, evolve diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evolve import streams
from evolve.cli import options

if TYPE_CHECKING:
    from evolve.archive import Store


@click.command(short_help="List the runs.")
@options.as_json
def runs(as_json: bool) -> None:
    """List the runs in the folder runs/, the newest first."""
    from evolve.report.places import RUNS, summaries

    found = summaries()
    if as_json:
        from evolve.report.run_document import summary_document

        options.print_json({"runs": [summary_document(folder, what) for folder, what in found]})
        return
    from evolve.report.tables import runs_table
    from evolve.report.terminal import Terminal

    if not found:
        click.echo(f"There is no run in {RUNS}/ yet. To start one: evolve run EVALUATOR (see: evolve list)")
        return
    Terminal().print(runs_table(found))
    for folder, what in found:
        if isinstance(what, str):
            streams.say(f"{folder.name}: {what}", err=True)


@click.command(short_help="Tell what came of a run, or of one program of it.")
@click.argument("run", metavar="RUN")
@click.argument("program", required=False)
@click.option("--costs", is_flag=True, help="What models and kinds of mutation cost and brought, per improvement too.")
@click.option("--insights", is_flag=True, help="What the run wrote down of what it learnt.")
@options.as_json
def show(run: str, program: str | None, costs: bool, insights: bool, as_json: bool) -> None:
    """Tell what came of RUN (a path, a name in runs/, or "last"), or of one PROGRAM of it.

    PROGRAM is a number, "seed", "best" or a baseline's name.
    """
    from evolve.archive import Store
    from evolve.report.places import find_program, find_run
    from evolve.report.run_document import program_document, run_document
    from evolve.report.run_report import describe

    if costs + insights + (program is not None) > 1:
        raise click.UsageError("give one of PROGRAM, --costs and --insights.", click.get_current_context())
    with Store.open(find_run(run)) as store:
        if costs or insights:
            _show_part(store, costs, as_json)
            return
        if program is not None:
            one = find_program(store, program)
            if as_json:
                options.print_json(program_document(store, one))
                return
            from evolve.report.screens import print_program
            from evolve.report.terminal import Terminal

            print_program(Terminal(), store, one)
            return
        report = describe(store)
    if as_json:
        options.print_json(run_document(report))
        return
    from evolve.report.screens import print_run
    from evolve.report.terminal import Terminal

    print_run(Terminal(), report)


def _show_part(store: Store, costs: bool, as_json: bool) -> None:
    from evolve.report.costs import costs as counted
    from evolve.report.costs_document import costs_document, print_costs
    from evolve.report.insights import insights_document, print_insights
    from evolve.report.terminal import Terminal

    if costs:
        found = counted(store)
        if as_json:
            options.print_json(costs_document(found))
        else:
            print_costs(Terminal(), found)
        return
    learnt = insights_document(store)
    if as_json:
        options.print_json({"insights": learnt})
    else:
        print_insights(Terminal(), learnt)


@click.command(short_help="Print the source of the best program of a run.")
@click.argument("run", metavar="RUN")
@options.as_json
def best(run: str, as_json: bool) -> None:
    """Print the source of the best program of RUN."""
    from evolve.archive import Store
    from evolve.report.places import find_program, find_run

    with Store.open(find_run(run)) as store:
        program = find_program(store, "best")
    if as_json:
        facts = {"id": program.id, "status": program.status, "score": program.score, "source": program.source}
        options.print_json(facts)
    else:
        streams.print_as_it_is(program.source)


@click.command(short_help="Print how the best program differs from the seed.")
@click.argument("run", metavar="RUN")
@click.argument("a", default="seed", metavar="[A]")
@click.argument("b", default="best", metavar="[B]")
@options.as_json
def diff(run: str, a: str, b: str, as_json: bool) -> None:
    """Print how program B of RUN differs from A: by default, the best from the seed."""
    from evolve.archive import Store
    from evolve.report.changes import unified_diff
    from evolve.report.places import find_program, find_run

    with Store.open(find_run(run)) as store:
        before, after = find_program(store, a), find_program(store, b)
    patch = unified_diff(before.source, after.source, f"{a}.py", f"{b}.py")
    if as_json:
        options.print_json({"a": before.id, "b": after.id, "diff": patch})
        return
    if not patch:
        streams.say(f"{a} (program {before.id}) and {b} (program {after.id}) are the same.", err=True)
    else:
        streams.print_patch(patch)
