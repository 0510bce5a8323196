"""Options and output that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, and nothing else there.")
settings = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any key of the configuration, e.g. search.islands=8; evaluator.KEY is an option of the problem.",
)
workers = click.option(
    "--workers", type=click.IntRange(min=1), metavar="W", help="Processes that evaluate. Default: one per core."
)
require_isolation = click.option(
    "--require-isolation", is_flag=True, help="Refuse to start where a layer of the sandbox is missing."
)

SPLITS = click.Choice(["train", "validation", "test", "public"])


def path_option(name: str, metavar: str, text: str) -> Callable[[Command], Command]:
    """Return an option that takes a path; whether there is something is found out by who reads it."""
    return click.option(name, type=click.Path(path_type=Path), metavar=metavar, help=text)


def split_and_workers(command: Command) -> Command:
    """Add what `score` and `baselines` have in common."""
    for option in (
        as_json,
        require_isolation,
        settings,
        workers,
        path_option("--data", "PATH", "Instances from a file or folder in the problem's public format."),
        click.option(
            "--split",
            type=SPLITS,
            help="Which instances. Default: train; with --data: public.",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def announcing(text: str) -> Iterator[Callable[[str, bool], None]]:
    """Show on stderr what is going on; gives the `announce` of `evolve.measure.measure`. text: until it is called."""
    from rich.console import Console

    messages = Console(stderr=True)
    with messages.status(text) as status:

        def announce(text: str, lasting: bool) -> None:
            if lasting:
                messages.print(text, style="yellow", soft_wrap=True, highlight=False)
            else:
                status.update(text)

        yield announce


def print_json(facts: Any) -> None:
    """Print facts as one JSON document."""
    from evolve.report.documents import to_json

    click.echo(to_json(facts))
