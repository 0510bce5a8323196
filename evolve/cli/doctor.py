"""evolve doctor."""

from __future__ import annotations

import click

from evolve.cli import options


@click.command(short_help="Print what this machine offers, and what isolation it lacks.")
@options.as_json
def doctor(as_json: bool) -> None:
    """Print what this machine offers and which layers of isolation are missing, with what to do."""
    from evolve.host import examine

    host = examine()
    if as_json:
        options.print_json(host)
        return
    from evolve.report.screens import print_host
    from evolve.report.terminal import Terminal

    print_host(Terminal(), host)
