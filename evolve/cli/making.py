"""evolve new."""

from __future__ import annotations

from pathlib import Path

import click

from evolve import streams
from evolve.cli import options


@click.command("new", short_help="Begin a problem of your own.")
@click.argument("name")
@click.option(
    "--offline", "kind", flag_value="offline", default="offline", help="One answer for each instance (default)."
)
@click.option("--online", "kind", flag_value="online", help="A policy that a simulation asks again and again.")
@options.path_option("--dir", "parent", metavar="DIR", text="Where to put the folder. Default: the current one.")
@options.as_json
def new(name: str, kind: str, parent: Path | None, as_json: bool) -> None:
    """Write the folder of a problem called NAME: small, real, and ready to run.

    Lines marked CHANGE are what a problem of your own replaces.
    """
    from evolve.scaffold import write_problem

    files = write_problem(name, kind, parent or Path())
    folder = (parent or Path()) / name
    shown = str(folder) if folder.is_absolute() else f"./{folder}"
    steps = [f"evolve check {shown}", f"evolve run {shown} --evaluations 50"]
    if as_json:
        options.print_json({"folder": str(folder), "files": [str(file) for file in files], "next": steps})
        return
    for file in files:
        streams.say(f"wrote {file}")
    streams.say("It runs as it is; change the lines marked CHANGE. Next:")
    for step in steps:
        streams.say(f"  {step}")
