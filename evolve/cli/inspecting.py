"""evolve runs, evolve show, evolve best, evolve diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evolve import streams
from evolve.cli import options

if TYPE_CHECKING:
    from evolve.archive import Store


@click.command(short_help="List the runs.")
@click.option("--all", "all_of_them", is_flag=True, help="All runs of yours on this machine, from wherever started.")
@click.option("--archive", metavar="URL", help="Those in a database, postgresql+psycopg://USER@HOST/DATABASE.")
@options.as_json
def runs(all_of_them: bool, archive: str | None, as_json: bool) -> None:
    """List the runs in the folder runs/, and those that were started from here into other folders, the newest first.

    Train and test are of one program: the winner, or the best on train while there is none.
    """
    from evolve.archive_url import ArchiveUrl
    from evolve.report.places import RUNS, elsewhere, folders
    from evolve.report.run_list import list_document, listed, print_list
    from evolve.report.shared_archives import mirror

    runs = RUNS if archive is None else mirror(ArchiveUrl.parse(archive).without_run)
    found = listed([*folders(runs), *(elsewhere(all_of_them=all_of_them) if archive is None else ())])
    if as_json:
        options.print_json({"runs": list_document(found)})
        return
    from evolve.report.terminal import Terminal

    if not found and archive is not None:
        click.echo(f"There is no run in that database yet. To start one: evolve run EVALUATOR --archive {archive}")
        return
    if not found:
        more = elsewhere(all_of_them=True)
        others = f" (yours elsewhere: {len(more)}, see evolve runs --all)" if more else ""
        click.echo(f"There is no run in {RUNS}/ yet{others}. To start one: evolve run EVALUATOR (see: evolve list)")
        return
    print_list(Terminal(), found, runs)


@click.command(short_help="Show what came of a run, or of one program of it.")
@click.argument("run", metavar="RUN")
@click.argument("program", required=False)
@click.option("--costs", is_flag=True, help="What models and kinds of mutation cost and brought, per improvement too.")
@click.option("--insights", is_flag=True, help="What the run wrote down of what it learnt.")
@click.option("--programs", is_flag=True, help="Every step, whatever became of it, one a line.")
@click.option("--top", type=click.IntRange(min=1), metavar="K", help="Of --programs, the K best on train.")
@click.option("--failed", is_flag=True, help="Of --programs, those that failed or made no program.")
@click.option("--kind", metavar="KIND", help="Of --programs, those of one kind of change, e.g. rewrite.")
@click.option("--source", is_flag=True, help="Of a program, its source, highlighted.")
@click.option("--prompt", is_flag=True, help="Of a program or step, the whole prompt.")
@click.option("--answer", is_flag=True, help="Of a program or step, the model's whole answer.")
@options.as_json
@options.archive
def show(
    run: str,
    program: str | None,
    costs: bool,
    insights: bool,
    programs: bool,
    top: int | None,
    failed: bool,
    kind: str | None,
    source: bool,
    prompt: bool,
    answer: bool,
    as_json: bool,
) -> None:
    """Show what came of RUN (a path, a name in runs/, or "last"), or of one PROGRAM of it.

    PROGRAM is the number of a step, "seed", "best" or a baseline's name. For a step that made no program it says why.
    """
    from evolve.report.damaged import opened, without_its_log
    from evolve.report.places import find_run

    listed = programs or failed or top is not None or kind is not None
    if costs + insights + listed + (program is not None) > 1:
        raise click.UsageError("give one of PROGRAM, --programs, --costs and --insights.", click.get_current_context())
    if (source or prompt or answer) and program is None:
        raise click.UsageError(
            "--source, --prompt and --answer are of one PROGRAM or step.", click.get_current_context()
        )
    came_without = without_its_log(find_run(run))
    with opened(run) as store:
        if costs or insights:
            _show_part(store, costs, as_json)
            return
        if listed:
            _show_steps(store, top, failed, kind, as_json)
            return
        if program is not None:
            _show_one(store, program, source, prompt, answer, as_json)
            return
        _show_run(store, came_without, as_json)


def _show_run(store: Store, came_without: bool, as_json: bool) -> None:
    from evolve.archive import RunStatus
    from evolve.report.damaged import LOG
    from evolve.report.run_document import run_document
    from evolve.report.run_report import describe
    from evolve.report.screens import print_run
    from evolve.report.terminal import Terminal

    report = describe(store)
    if came_without and report.status is RunStatus.INTERRUPTED:
        streams.say(f"evolve: this archive may lack what was committed last: it came without {LOG}.", err=True)
    if as_json:
        options.print_json(run_document(report))
    else:
        print_run(Terminal(), report)


def _show_steps(store: Store, top: int | None, failed: bool, kind: str | None, as_json: bool) -> None:
    from evolve.report.steps import print_steps, step_lines
    from evolve.report.terminal import Terminal

    lines = step_lines(store, top, failed, kind)
    if as_json:
        options.print_json({"steps": lines})
    else:
        print_steps(Terminal(), lines, streams.quoted(store.folder))


def _show_one(store: Store, ref: str, source: bool, prompt: bool, answer: bool, as_json: bool) -> None:
    from evolve.archive import Program
    from evolve.report.cpu import cpu_limit_s
    from evolve.report.places import find_step
    from evolve.report.run_document import program_document
    from evolve.report.screens import print_program, print_source, print_step
    from evolve.report.steps import print_call, step_document
    from evolve.report.terminal import Terminal

    one = find_step(store, ref)
    call = store.model_call(one.id if isinstance(one, Program) else one.step)
    if as_json:
        options.print_json(
            {**program_document(store, one), "cpu_limit_s": cpu_limit_s(store)}
            if isinstance(one, Program)
            else step_document(one, call)
        )
    elif source and isinstance(one, Program):
        print_source(Terminal(), one)
    elif prompt or answer:
        print_call(Terminal(), call, prompt, answer)
    elif isinstance(one, Program):
        print_program(Terminal(), store, one)
    else:
        print_step(Terminal(), store, one, call)


def _show_part(store: Store, costs: bool, as_json: bool) -> None:
    from evolve.report.costs import costs as counted
    from evolve.report.costs_document import costs_document, print_costs
    from evolve.report.insights import insights_document, print_insights
    from evolve.report.terminal import Terminal

    if costs:
        found = counted(store, store.improvements())
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
    from evolve.report.damaged import opened
    from evolve.report.places import find_program

    with opened(run) as store:
        program = find_program(store, "best")
        if as_json:
            facts = {"id": program.id, "status": program.status, "score": program.score, "source": program.source}
            options.print_json(facts)
        else:
            streams.print_as_it_is(program.source)


@click.command(short_help="Print how the best program differs from the seed.")
@click.argument("run", metavar="RUN")
@click.argument("a", required=False)
@click.argument("b", default="best", metavar="[B]")
@options.as_json
def diff(run: str, a: str | None, b: str, as_json: bool) -> None:
    """Print how program B of RUN differs from A: by default, the best from the seed, or what the run started from."""
    from evolve.mutate.language import recorded_language
    from evolve.report.changes import unified_diff
    from evolve.report.damaged import opened
    from evolve.report.places import find_program

    with opened(run) as store:
        before, after = find_program(store, "0" if a is None else a), find_program(store, b)
        a = before.name if a is None else a
        suffix = recorded_language(store.identity()).suffix
        patch = unified_diff(before.source, after.source, f"{a}{suffix}", f"{b}{suffix}")
        if as_json:
            options.print_json({"a": before.id, "b": after.id, "diff": patch})
            return
        if not patch:
            streams.say(f"{a} (program {before.id}) and {b} (program {after.id}) are the same.", err=True)
        else:
            streams.print_patch(patch)
