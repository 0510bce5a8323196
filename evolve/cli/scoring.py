"""evolve list, evolve score, evolve baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evolve.cli import options

if TYPE_CHECKING:
    from evolve.evaluator import Split
    from evolve.measure import Measured
    from evolve.registry import Problem
    from evolve.workers import Fresh


FAILS = 1


@click.command("list", short_help="List the evaluators, or tell all about one.")
@click.argument("evaluator", required=False)
@click.option("--plugins", is_flag=True, help="What installed packages add: problems, strategies, mutators, engines.")
@options.as_json
def list_evaluators(evaluator: str | None, plugins: bool, as_json: bool) -> None:
    """List the evaluators, that is the problems, with one line each.

    Of one EVALUATOR, a name or a folder: its statement, options, splits, limits, baselines and files.
    """
    if plugins:
        _list_plugins(evaluator, as_json)
        return
    from evolve.registry import list_problems, load_problem

    if evaluator is not None:
        from evolve.report.problem_document import print_problem, problem_document
        from evolve.report.terminal import Terminal

        facts = problem_document(load_problem(evaluator))
        if as_json:
            options.print_json(facts)
        else:
            print_problem(Terminal(), facts)
        return

    found = list_problems()
    if as_json:
        options.print_json({"evaluators": found})
        return
    from evolve.report.tables import facts_table
    from evolve.report.terminal import Terminal

    console = Terminal()
    console.print(facts_table({one.name: one.summary or f"does not load: {one.error}" for one in found}))
    console.print("\nall about one: evolve list EVALUATOR; a problem of your own is a folder: evolve run ./my_problem")


def _list_plugins(evaluator: str | None, as_json: bool) -> None:
    from evolve.plugins import list_plugins

    if evaluator is not None:
        raise click.UsageError("--plugins takes no EVALUATOR.", click.get_current_context())
    found = list_plugins()
    if as_json:
        options.print_json({"plugins": found})
        return
    from evolve.report.tables import facts_table
    from evolve.report.terminal import Terminal

    lines = {f"{one.kind} {one.name}": one.package + (f": {one.error}" if one.error else "") for one in found}
    Terminal().print(facts_table(lines))


@click.command(short_help="Score any program file.")
@click.argument("evaluator")
@click.argument("program", type=click.Path(path_type=Path), metavar="PROGRAM.py")
@options.split_and_workers
@click.option("--repeat", type=click.IntRange(min=1), default=1, metavar="N", help="Repeat, to see the spread of CPU.")
@options.install
@options.fresh("Score it on N instances that nobody has seen, drawn as those of --split. Default split: test.")
def score(
    evaluator: str,
    program: Path,
    split: str | None,
    data: Path | None,
    workers: int | None,
    sets: tuple[str, ...],
    require_isolation: bool,
    as_json: bool,
    install: bool,
    repeat: int,
    fresh: int | None,
    fresh_seed: int | None,
) -> int:
    """Score any program file on EVALUATOR, in the same sandbox and by the same verifier as in a run.

    Exit code 1 when the program fails: its status is then infeasible, error or timeout.
    """
    from evolve.registry import read_text

    source = read_text(program, "the program to score")
    drawn = options.fresh_drawn(fresh, fresh_seed, data)
    if drawn is not None:
        split = split or "test"
    python = options.installed(evaluator) if install else None
    problem, on, measured = _measure(
        evaluator,
        lambda _: {program.name: source},
        split,
        data,
        workers,
        sets,
        require_isolation,
        repeat,
        drawn,
        python,
    )
    if as_json:
        from evolve.report.score_document import score_document

        options.print_json(score_document(problem.evaluator, on, measured[0], drawn))
    else:
        from evolve.report.screens import print_score
        from evolve.report.terminal import Terminal

        print_score(Terminal(), problem.evaluator, on, measured[0], drawn)
    return FAILS if measured[0].score.status.is_failure else 0


@click.command(short_help="Score the baselines of an evaluator.")
@click.argument("evaluator")
@click.option(
    "--discoveries", "also", is_flag=True, help="Also the programs that runs have found (`evolve discoveries`)."
)
@options.split_and_workers
def baselines(
    evaluator: str,
    also: bool,
    split: str | None,
    data: Path | None,
    workers: int | None,
    sets: tuple[str, ...],
    require_isolation: bool,
    as_json: bool,
) -> None:
    """Score the baselines of EVALUATOR, published heuristics for the most part, with their raw figures."""
    from evolve.registry import as_baselines

    def programs(problem: Problem) -> Mapping[str, str]:
        return problem.baselines | as_baselines(problem.discoveries if also else {})

    problem, on, measured = _measure(evaluator, programs, split, data, workers, sets, require_isolation, 1)
    if as_json:
        from evolve.report.score_document import baselines_document

        options.print_json(baselines_document(problem.evaluator, on, measured))
        return
    from evolve.report.screens import print_baselines
    from evolve.report.terminal import Terminal

    print_baselines(Terminal(), problem.evaluator, on, measured)


def _measure(
    ref: str,
    programs: Callable[[Problem], Mapping[str, str]],
    split: str | None,
    data: Path | None,
    workers: int | None,
    sets: tuple[str, ...],
    require_isolation: bool,
    repeats: int,
    fresh: Fresh | None = None,
    python: str | None = None,
) -> tuple[Problem, Split, list[Measured]]:
    import asyncio

    from evolve.config import resolve
    from evolve.evaluator import Split
    from evolve.measure import measure
    from evolve.registry import load_problem

    isolation = require_isolation or None
    given = {"problem": ref, "workers": workers, "require_isolation": isolation, "evaluator.python": python}
    config = resolve(None, sets, given)
    problem = load_problem(ref, config.evaluator)
    on = Split(split or ("public" if data else "train"))
    with options.announcing("evaluating ...") as announce:
        measured = asyncio.run(
            measure(
                problem,
                config,
                programs(problem),
                on,
                data,
                repeats,
                announce,
                fresh,
            )
        )
    return problem, on, measured
