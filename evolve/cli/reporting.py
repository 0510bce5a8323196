"""evolve report, evolve picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evolve import streams
from evolve.cli import options
from evolve.errors import UsageError

if TYPE_CHECKING:
    from evolve.archive import Store
    from evolve.report.page.run_page import Pictures


@click.command(short_help="Write what came of runs as one HTML page, or as figures.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@options.path_option("--out", metavar="FILE", text="Where to. Default: report.html in the run folder; else here.")
@options.path_option("--figures", metavar="DIR", text="Instead: figures for a paper as SVG and PDF, numbers as CSV.")
@click.option("--no-pictures", is_flag=True, help="Run no program to draw what it does.")
@options.problem
@options.trust
@options.as_json
@options.archive
def report(
    runs: tuple[str, ...],
    out: Path | None,
    figures: Path | None,
    no_pictures: bool,
    problem: str | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Write RUN as one HTML file that needs no network; several runs are compared.

    It shows the curve, the lineage, who leads where, costs, failures, differences, pictures and every program.
    """
    from contextlib import ExitStack

    from evolve.report.damaged import opened

    if out is not None and figures is not None:
        raise UsageError("--out is where the page goes, --figures where figures go instead: give one of the two.")
    with ExitStack() as stack:
        stores = [stack.enter_context(opened(run)) for run in runs]
        if len({store.folder.resolve() for store in stores}) < len(stores):
            raise UsageError("a run is named twice: to compare, give different runs.")
        drawn = _pictures(stores, problem, trust, no_pictures)
        files = _figures(stores, drawn, figures) if figures is not None else [_page(stores, drawn, out)]
    if as_json:
        options.print_json({"files": [file.resolve() for file in files]})
        return
    for file in files:
        streams.say(f"{file}  ({file.stat().st_size / 1e6:.2f} MB)" if figures is None else str(file))


def _pictures(stores: list[Store], problem: str | None, trust: bool, none: bool) -> Pictures:
    from evolve.config import from_text
    from evolve.registry import load_recorded
    from evolve.report.page.drawn import run_pictures
    from evolve.report.page.run_page import Pictures
    from evolve.report.run_report import describe
    from evolve.report.trust import require_trust

    if none or len(stores) > 1:
        return Pictures()
    (store,) = stores
    config = from_text(store.config())
    try:
        require_trust(store.folder, config, trust, asks_models=False, own_problem=problem is not None)
        loaded = load_recorded(config.problem, config.evaluator, problem)
    except UsageError as error:
        return Pictures(why_not=f"There are no pictures: {error}")
    with options.announcing("drawing what the programs do ..."):
        return run_pictures(store, describe(store), loaded)


def _page(stores: list[Store], pictures: Pictures, out: Path | None) -> Path:
    from evolve.report.atomic import write_text
    from evolve.report.page.comparison import comparison_page
    from evolve.report.page.run_page import report_page

    path = out or (stores[0].folder / "report.html" if len(stores) == 1 else Path("report.html"))
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give a file with --out.")
    write_text(path, report_page(stores[0], pictures) if len(stores) == 1 else comparison_page(stores))
    return path


def _figures(stores: list[Store], pictures: Pictures, folder: Path) -> list[Path]:
    from evolve.report.page.figures import write_figures

    return write_figures(stores, pictures, folder)


@click.command(short_help="Draw what a program does on an instance.")
@click.argument("evaluator")
@click.argument("program", type=click.Path(path_type=Path))
@click.option("--instance", metavar="ID", help="Which instance. Default: the first of train.")
@options.path_option("--against", metavar="OTHER.py", text="Draw this program too, above the other.")
@options.path_option("--out", metavar="FILE", text="A file ending in .svg, .html, .png or .pdf. Default: the terminal.")
@options.settings
@options.require_isolation
@options.as_json
def picture(
    evaluator: str,
    program: Path,
    instance: str | None,
    against: Path | None,
    out: Path | None,
    sets: tuple[str, ...],
    require_isolation: bool,
    as_json: bool,
) -> int:
    """Run PROGRAM of EVALUATOR on one instance, in the sandbox as ever, and draw what it did."""
    import asyncio
    from dataclasses import replace

    from evolve.config import resolve
    from evolve.draw.files import require_ending, write_pictures
    from evolve.picture import Picture
    from evolve.pictures import draw_pictures, find_instance
    from evolve.registry import load_problem, read_text

    if out is not None:
        require_ending(out)
    config = resolve(None, sets, {"problem": evaluator, "require_isolation": require_isolation or None})
    problem = load_problem(evaluator, config.evaluator)
    paths = [path for path in (against, program) if path is not None]
    programs = {str(path): read_text(path, "a program") for path in paths}
    split, index = find_instance(problem, instance)
    with options.announcing(f"running {program} ..."):
        found = asyncio.run(draw_pictures(problem, config, programs, split, index))
    drawn = [
        replace(one, title=f"{Path(name).name}: {one.title}") for name, one in found.items() if isinstance(one, Picture)
    ]
    for name, one in found.items():
        if isinstance(one, str):
            streams.say(f"evolve: no picture of {name}: {one}", err=True)
    if as_json:
        options.print_json({"evaluator": problem.evaluator.name, "pictures": found})
    elif out is not None and drawn:
        streams.say(str(write_pictures(drawn, out)))
    elif drawn:
        from evolve.draw.text import print_picture
        from evolve.report.terminal import Terminal

        console = Terminal()
        for one in drawn:
            print_picture(console, one)
            console.print()
    return 0 if len(drawn) == len(found) else 1
