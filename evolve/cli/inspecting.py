"""evolve runs, evolve show, evolve best, evolve diff."""

from __future__ import annotations

import click

from evolve.cli import options


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
    from rich.console import Console

    from evolve.report.tables import runs_table

    if not found:
        click.echo(f"There is no run in {RUNS}/ yet. To start one: evolve run EVALUATOR (see: evolve list)")
        return
    Console().print(runs_table(found))
    for folder, what in found:
        if isinstance(what, str):
            click.echo(f"{folder.name}: {what}", err=True)


@click.command(short_help="Tell what came of a run, or of one program of it.")
@click.argument("run", metavar="RUN")
@click.argument("program", required=False)
@options.as_json
def show(run: str, program: str | None, as_json: bool) -> None:
    """Tell what came of RUN (a path, a name in runs/, or "last"), or of one PROGRAM of it.

    PROGRAM is a number, "seed", "best" or a baseline's name.
    """
    from evolve.archive import Store
    from evolve.report.places import find_program, find_run
    from evolve.report.run_document import program_document, run_document
    from evolve.report.run_report import describe

    with Store.open(find_run(run)) as store:
        if program is not None:
            one = find_program(store, program)
            if as_json:
                options.print_json(program_document(store, one))
                return
            from rich.console import Console

            from evolve.report.screens import print_program

            print_program(Console(), store, one)
            return
        report = describe(store)
    if as_json:
        options.print_json(run_document(report))
        return
    from rich.console import Console

    from evolve.report.screens import print_run

    print_run(Console(), report)


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
        click.echo(program.source, nl=not program.source.endswith("\n"))


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
        click.echo(f"{a} (program {before.id}) and {b} (program {after.id}) are the same.", err=True)
    for line in patch.splitlines():
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        click.echo(click.style(line, fg=colour))
