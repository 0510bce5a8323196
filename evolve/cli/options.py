"""Options and output that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from evolve.workers import Fresh

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, and nothing else there.")
settings = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any key of the configuration, e.g. search.plateau=30; evaluator.KEY is an option of the problem.",
)
# The bounds of `RunConfig.workers`, which `resume` does not ask: to import it here would slow `--help` down.
workers = click.option(
    "--workers", type=click.IntRange(1, 1_024), metavar="W", help="Processes that evaluate. Default: one per core."
)
engine = click.option(
    "--engine", metavar="NAME", help="Where evaluations run: local, ray, slurm or an installed one. Default: local."
)
ray_address = click.option(
    "--ray-address", metavar="ADDRESS", help="Ray cluster of --engine ray: auto, HOST:PORT or local. Default: auto."
)
accept_changes = click.option(
    "--accept-changes", is_flag=True, help="Go on although the problem or a version has changed since the run began."
)
require_isolation = click.option(
    "--require-isolation", is_flag=True, help="Refuse to start where a layer of the sandbox is missing."
)

_fresh_seed = click.option(
    "--fresh-seed",
    type=click.IntRange(0, 2**63 - 1),
    metavar="SEED",
    help="Draw the same fresh instances again. Default: a seed made now, which is shown.",
)


def fresh(text: str) -> Callable[[Command], Command]:
    """Return a decorator that adds --fresh N and --fresh-seed. text: what the first is for."""

    def decorate(command: Command) -> Command:
        return click.option("--fresh", type=click.IntRange(2, 10_000), metavar="N", help=text)(_fresh_seed(command))

    return decorate


def fresh_drawn(count: int | None, seed: int | None, data: Path | None = None) -> Fresh | None:
    """Return what fresh instances are drawn from; None where none are asked for.

    Raises UsageError for a seed alone, and for instances that are read and drawn at once.
    """
    from evolve.audit import new_seed
    from evolve.errors import UsageError
    from evolve.workers import Fresh

    if count is None:
        if seed is not None:
            raise UsageError("--fresh-seed says what fresh instances are drawn from; --fresh N how many: give both.")
        return None
    if data is not None:
        raise UsageError("--fresh draws instances and --data reads them: give one of the two.")
    return Fresh(new_seed() if seed is None else seed, count)


SPLITS = click.Choice(["train", "validation", "test", "public"])


_POSITIVE = click.FloatRange(min=0, min_open=True)
BUDGETS: dict[str, tuple[click.IntRange | click.FloatRange, str, str]] = {
    "evaluations": (click.IntRange(min=0), "N", "programs"),
    "minutes": (_POSITIVE, "M", "minutes of work"),
    "cost_usd": (_POSITIVE, "C", "US dollars"),
    "tokens": (click.IntRange(min=1), "T", "tokens of prompts and answers"),
    "calls": (click.IntRange(min=1), "K", "model calls"),
}
"""Keys of the part `budget` of the configuration: type, letter in the help, of what."""


def budgets(text: str, evaluations: str, others: str) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for each budget.

    text: "Stop after {} {}." with the letter and of what.
    evaluations, others: what --evaluations and the others are when they are not given.
    """

    def decorate(command: Command) -> Command:
        for key, (kind, letter, what) in reversed(BUDGETS.items()):
            flag = f"--{key.replace('_', '-')}"
            default = f" Default: {evaluations if key == 'evaluations' else others}."
            command = click.option(flag, type=kind, metavar=letter, help=text.format(letter, what) + default)(command)
        return command

    return decorate


def early_ends(command: Command) -> Command:
    """Add the options that may end a run before its budget is used up."""
    patience = click.option(
        "--patience",
        type=click.IntRange(min=1),
        metavar="N",
        help="Stop after N evaluations in a row without a better program.",
    )
    target = click.option("--target", type=float, metavar="SCORE", help="Stop when a program reaches SCORE on train.")
    return target(patience(command))


class _GivenPath(click.Path):
    """A path that is not empty: a shell variable that is not set would otherwise mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path. Fails on an empty one."""
        if value == "":
            self.fail("the path is empty.", param, ctx)
        return super().convert(value, param, ctx)


_archive = click.option(
    "--archive", metavar="URL", help="Database that holds RUN, postgresql+psycopg://USER@HOST/DATABASE."
)


def archive(command: Command) -> Command:
    """Add --archive, with which RUN is a name in a database: it becomes the run's address."""

    @functools.wraps(command)
    def addressed(*given: Any, archive: str | None, **named: Any) -> Any:
        if archive is not None:
            from evolve.report.places import in_database

            for argument in ("run", "runs"):
                found = named.get(argument)
                if isinstance(found, str):
                    named[argument] = in_database(found, archive)
                elif found:
                    named[argument] = tuple(in_database(one, archive) for one in found)
        return command(*given, **named)

    return _archive(addressed)  # type: ignore[return-value]


trust = click.option(
    "--trust",
    is_flag=True,
    help="Use code, commands, servers and paths that the run names, though it was not made by you on this machine.",
)
install = click.option(
    "--install", is_flag=True, help="Make an environment with the requirements.txt of another tool's task."
)
problem = click.option(
    "--problem",
    metavar="NAME_OR_FOLDER",
    help="The problem of the run, where it is now. Default: what the run names.",
)


def path_option(*names: str, metavar: str, text: str, required: bool = False) -> Callable[[Command], Command]:
    """Return an option that takes a path; whether there is something is found out by who reads it."""
    return click.option(*names, type=_GivenPath(path_type=Path), metavar=metavar, help=text, required=required)


def split_and_workers(command: Command) -> Command:
    """Add what `score` and `baselines` have in common."""
    for option in (
        as_json,
        require_isolation,
        settings,
        workers,
        path_option("--data", metavar="PATH", text="Instances from a file or folder in the problem's public format."),
        click.option(
            "--split",
            type=SPLITS,
            help="Which instances. Default: train; with --data: public.",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def announcing(text: str, as_lines: bool = False) -> Iterator[Callable[[str, bool], None]]:
    """Show on stderr what is going on; gives the `announce` of `evolve.measure.measure`. text: until it is called.

    as_lines: where stderr is no terminal, a line on each; else nothing there but what is lasting.
    """
    from evolve.report.terminal import Terminal

    messages = Terminal(stderr=True)
    as_lines = as_lines and not messages.is_terminal
    with messages.status(text) as status:
        if as_lines:
            messages.print(text, soft_wrap=True)

        def announce(text: str, lasting: bool) -> None:
            if lasting or as_lines:
                messages.print(text, style="yellow" if lasting else None, soft_wrap=True)
            else:
                status.update(text)

        yield announce


def installed(folder: str) -> str | None:
    """Return the interpreter of the environment of another tool's task, made now where there is none.

    None: the task asks for nothing. Raises UsageError.
    """
    from evolve.peers.installing import installed_for

    with announcing("installing what the task needs ..."):
        python = installed_for(Path(folder))
    return None if python is None else str(python)


def print_json(facts: Any) -> None:
    """Print facts as one JSON document."""
    from evolve.report.documents import to_json

    click.echo(to_json(facts))
