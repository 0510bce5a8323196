"""evolve data."""

from __future__ import annotations

from pathlib import Path

import click

from evolve import streams
from evolve.cli import options


@click.command(short_help="Write the instances of an evaluator as files.")
@click.argument("evaluator")
@options.as_json
@options.settings
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A folder, new or empty.")
@click.option("--split", type=options.SPLITS, default="train", show_default=True, help="Which instances.")
def data(evaluator: str, split: str, out: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Write the instances of EVALUATOR as files in its public format, which other tools read, too.

    `evolve score EVALUATOR PROGRAM.py --data DIR` reads them back; scored by the public rules, where those differ.
    """
    from evolve.config import resolve
    from evolve.evaluator import Split
    from evolve.export import export
    from evolve.registry import load_problem
    from evolve.words import counted

    config = resolve(None, sets, {"problem": evaluator})
    with options.announcing(f"writing the {split} split of {evaluator} ..."):
        written = export(load_problem(evaluator, config.evaluator), Split(split), out)
    if as_json:
        options.print_json(written)
        return
    files = f"{counted(len(written.files), 'file')}, {written.bytes / 1e6:.2f} MB"
    streams.say(f"{counted(written.instances, 'instance')} of {written.evaluator} {written.split} in {out} ({files})")
    streams.say(f"to score a program on them: evolve score {evaluator} PROGRAM.py --data {out}")
