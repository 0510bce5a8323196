"""The `evolve` command. Commands only parse, call and print.

Everything heavier than click is imported when it is used, so that `evolve --help` answers at once.
"""

from __future__ import annotations

import difflib
import errno
import sys
from collections.abc import Sequence

import click

from evolve import __version__
from evolve.cli.agents import mcp
from evolve.cli.auditing import audit
from evolve.cli.benching import bench
from evolve.cli.checking import check
from evolve.cli.configuring import config
from evolve.cli.discovering import discoveries
from evolve.cli.doctor import doctor
from evolve.cli.exporting import data
from evolve.cli.inspecting import best, diff, runs, show
from evolve.cli.looking import compare, export, tree, watch
from evolve.cli.making import import_, new
from evolve.cli.replaying import replay
from evolve.cli.reporting import picture, report
from evolve.cli.running import join, resume, run
from evolve.cli.scoring import baselines, list_evaluators, score
from evolve.cli.serving import serve
from evolve.errors import UsageError
from evolve.safe_text import one_line
from evolve.streams import accept_any_text, silence

__all__ = ["evolve", "main"]

HELP = """Language models improve scheduling and load-balancing programs, judged by verifiers they cannot touch.

\b
evolve list                                which problems there are
evolve run spot_single --evaluations 200   improve a program
evolve show last                           what came of it

Exit codes: 0 done; 1 the answer is no (a program fails, a figure does not reproduce, a claim does not hold);
2 something must be put right first, said in one line on stderr; 130 interrupted.
"""
USAGE_ERROR = 2
INTERRUPTED = 130
SURROUNDINGS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE)


class _InOrder(click.Group):
    """Lists its commands in the order in which one needs them, and knows the nearest to a wrong one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            hint = f"Did you mean '{near[0]}'? " if near else ""
            ctx.fail(f"there is no command '{args[0]}'. {hint}Known: {', '.join(self.commands)}.")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_InOrder,
    help=HELP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="evolve", message="%(prog)s %(version)s")
@click.pass_context
def evolve(ctx: click.Context) -> None:
    """Print the help when there is no command."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


COMMANDS = (
    *(list_evaluators, run, resume, join, replay, runs, watch, show, tree, best, diff),
    *(compare, report, serve, export, audit),
    *(score, baselines, discoveries, picture, data, new, import_, check, bench, config, doctor, mcp),
)
for command in COMMANDS:
    evolve.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 what a person must put right (one line on stderr), 130 Ctrl-C.

    1 is an answer that is no: a figure does not reproduce (`audit`, `replay`), a claim fails (`check`), the program
    fails (`score`).
    """
    sys.exit(_exit_code(sys.argv[1:] if arguments is None else list(arguments)))


def _exit_code(arguments: list[str]) -> int:
    accept_any_text()
    try:
        code = evolve.main(arguments, prog_name="evolve", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "evolve"
        return _fail(f"{error.format_message()} (see: {command} --help)")
    except click.ClickException as error:
        return _fail(error.format_message())
    except UsageError as error:
        return _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        click.echo("evolve: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read stdout has seen enough, e.g. `evolve best last | head`
        silence(sys.stdout)
        return 1
    except OSError as error:  # of the machine, not of the program: the person must put it right
        if error.errno not in SURROUNDINGS:
            raise
        silence(sys.stdout)
        return _fail(f"{error.filename or 'stdout'}: {error.strerror}.")
    return code if isinstance(code, int) else 0


def _fail(message: str) -> int:
    click.echo(f"evolve: {one_line(message)}", err=True)
    return USAGE_ERROR
