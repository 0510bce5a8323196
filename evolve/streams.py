"""stdout and stderr, as they are found: closed, of an encoding that lacks characters, or with a reader who left."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import IO

import click

from evolve.safe_text import visible


def accept_any_text() -> None:
    """Have stdout and stderr show what their encoding lacks as a question mark; a traceback helps nobody.

    A stream that is closed gets /dev/null: the next file that is opened would take its number, and what is meant for
    the stream would be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def silence(stream: IO[str]) -> None:
    """Send what is still written to a stream nowhere, so that the interpreter's end does not complain either."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def say(text: str, err: bool = False) -> None:
    """Print a line in which names and messages of others do nothing."""
    click.echo(visible(text).replace("\n", " "), err=err)


def print_as_it_is(text: str) -> None:
    """Print a program or a patch: to a file or another program as it is, to a terminal with nothing unseen in it."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    click.echo(visible(text) if is_terminal else text, nl=not text.endswith("\n"))


def print_patch(patch: str) -> None:
    """Print a patch: a terminal gets colours, and escapes for what is unseen; a pipe what `patch` takes."""
    if sys.stdout is None or not sys.stdout.isatty():
        click.echo(patch, nl=False)
        return
    for line in patch.rstrip("\n").split("\n"):
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        click.echo(click.style(visible(line), fg=colour))


def quoted(path: object) -> str:
    """Return a path as a shell takes it, with nothing unseen in it."""
    import shlex  # here, since `evolve --help` must answer at once

    return visible(shlex.quote(str(path))).replace("\n", "\\n")
