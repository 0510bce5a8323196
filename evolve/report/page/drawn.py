"""The pictures of a run: its seed, the best program's grandparent and the best program, on one instance."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from evolve.archive import Program, Store
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.picture import Picture
from evolve.pictures import draw_pictures, draws
from evolve.registry import Problem
from evolve.report.chain import ancestors
from evolve.report.page.run_page import Pictures
from evolve.report.run_report import RunReport


def run_pictures(store: Store, report: RunReport, problem: Problem) -> Pictures:
    """Draw the programs of a run on the instance of train on which the best one gained most.

    Runs programs, in the sandbox as ever. What goes wrong becomes a sentence on the page, which is made all the same.
    """
    if report.best is None or not draws(problem):
        return Pictures(why_not="" if report.best is None else f"{report.evaluator} draws no pictures.")
    line = ancestors(store, report.best)
    shown = {program.id: program for program in (line[0], line[max(len(line) - 3, 0)], line[-1])}
    programs = {_name(program, report): program.source for program in shown.values()}
    index = _telling(line)
    try:
        found = asyncio.run(draw_pictures(problem, report.config, programs, Split.TRAIN, index))
        instance = problem.instances(Split.TRAIN)[index].id
    except (UsageError, IndexError) as error:
        return Pictures(why_not=f"There is no picture: {error}")
    drawn = [replace(one, title=f"{name}: {one.title}") for name, one in found.items() if isinstance(one, Picture)]
    failed = [f"{name}: {one}" for name, one in found.items() if isinstance(one, str)]
    why_not = f"No picture of {'; '.join(failed)}" if failed else ""
    return Pictures(tuple(drawn), f"{', '.join(programs)} on {instance}", why_not)


def _name(program: Program, report: RunReport) -> str:
    if program.id == 0:
        return "seed"
    is_best = report.best is not None and program.id == report.best.id
    return f"best, program {program.id}" if is_best else f"its grandparent, program {program.id}"


def _telling(line: list[Program]) -> int:
    """Return the instance on which the last of a lineage is most above its grandparent, and above the seed if none."""
    best, before = line[-1], line[max(len(line) - 3, 0)]
    gains = [
        (after if after is not None else -1e9) - (score if score is not None else 0.0)
        for after, score in zip(best.scores, before.scores, strict=False)
    ]
    return max(range(len(gains)), key=gains.__getitem__) if gains else 0
