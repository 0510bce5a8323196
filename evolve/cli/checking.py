"""evolve check."""

from __future__ import annotations

import click

from evolve import streams
from evolve.cli import options

FAILS = 1
WORDS = {"holds": "ok", "fails": "FAILS", "skipped": "skipped", "note": "note"}


@click.command(short_help="Check that a problem keeps to the contract.")
@click.argument("evaluator", metavar="FOLDER_OR_NAME")
@click.option("--quick", is_flag=True, help="Without the scores of the baselines on every split, which take longest.")
@options.install
@options.as_json
@options.settings
def check(evaluator: str, quick: bool, install: bool, sets: tuple[str, ...], as_json: bool) -> int:
    """Check a problem of your own, or an installed one: one line per claim, exit code 1 when one fails.

    The same splits in every process, a seed that scores about 0, wrong answers that are infeasible with a message,
    attacks that gain nothing, an example that is true, ... Each claim that fails says what to do.
    """
    from evolve.config import resolve
    from evolve.registry import load_problem
    from evolve.testing import Checked, Verdict
    from evolve.testing import check as checked
    from evolve.words import counted

    python = options.installed(evaluator) if install else None
    config = resolve(None, sets, {"problem": evaluator, "evaluator.python": python})
    problem = load_problem(evaluator, config.evaluator)
    found: list[Checked] = []
    with options.announcing(f"checking {evaluator} ...") as announce:
        for one in checked(problem, lambda text: announce(f"checking {evaluator}: {text}", False), quick=quick):
            found.append(one)
            if not as_json:
                streams.say(f"{WORDS[one.verdict]:8}{one.claim}" + (f": {one.reason}" if one.reason else ""))
                if one.advice:
                    streams.say(f"{'':8}{one.advice}")
    failed = sum(one.verdict is Verdict.FAILS for one in found)
    claims = sum(one.verdict is not Verdict.NOTE for one in found)
    if as_json:
        options.print_json({"evaluator": problem.evaluator.name, "holds": not failed, "claims": found})
    else:
        name = problem.evaluator.name
        streams.say(
            f"{name}: {failed} of {counted(claims, 'claim')} {'fails' if failed == 1 else 'fail'}"
            if failed
            else f"{name} keeps to the contract"
        )
    return FAILS if failed else 0
