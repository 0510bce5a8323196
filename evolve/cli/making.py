"""evolve new, evolve import."""

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
    steps = [f"evolve check {_shown(folder)}", f"evolve run {_shown(folder)} --evaluations 50"]
    if as_json:
        options.print_json({"folder": str(folder), "files": [str(file) for file in files], "next": steps})
        return
    for file in files:
        streams.say(f"wrote {file}")
    streams.say("It runs as it is; change the lines marked CHANGE. Next:")
    for step in steps:
        streams.say(f"  {step}")


@click.command("import", short_help="Make a problem of another tool's task.")
@click.argument("path", type=click.Path(path_type=Path))
@options.path_option("--out", "out", metavar="DIR", text="The folder to write.", required=True)
@options.as_json
def import_(path: Path, out: Path, as_json: bool) -> int:
    """Write a problem's folder from a task of OpenEvolve, SkyDiscover or ShinkaEvolve at PATH.

    Its evaluator stays as it is and runs with the verifier; the program runs in the sandbox. Where the evaluator does
    more than call functions of the program, nothing is written: each such line is named, exit code 1.
    """
    from evolve.peers.importing import import_task

    found = import_task(path, out)
    if as_json:
        options.print_json({"files": [str(file) for file in found.files], "decide": found.decide})
        return 0 if found.files else 1
    for file in found.files:
        streams.say(f"wrote {file}")
    streams.say("A person must decide:" if found.files else "Not imported; a person must change first:")
    for line in found.decide:
        streams.say(f"  {line}")
    if found.files:
        streams.say(f"Next:\n  evolve check {_shown(out)}")
    return 0 if found.files else 1


def _shown(folder: Path) -> str:
    """Return a folder as a command takes it for one, and not for a name."""
    return str(folder) if folder.is_absolute() else f"./{folder}"
