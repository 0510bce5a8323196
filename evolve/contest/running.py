"""The runs of a contest, one after the other; what is finished is not run again, what was begun is continued."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from evolve import loop
from evolve.archive import RunStatus, Store
from evolve.contest.plan import SIMULATED_MODEL, Cell, Contest
from evolve.errors import UsageError
from evolve.workers import Pool

if TYPE_CHECKING:
    from evolve.mutate.models.providers import Client
    from evolve.registry import Problem

StandIns = tuple[Pool | None, Mapping[str, "Client"] | None]
"""What a run uses in the place of worker processes and of models; None: its own."""


def is_done(cell: Cell) -> bool:
    """Return whether a cell's run is there and has ended with its budget."""
    if not Store.holds_run(cell.folder):
        return False
    with Store.open(cell.folder) as store:
        return store.summary().status is RunStatus.FINISHED


def stand_ins(cell: Cell, problem: Problem) -> StandIns:
    """Return what a cell's run uses where the simulated model is asked; otherwise nothing."""
    if all(model.name != SIMULATED_MODEL for model in cell.config.models):
        return None, None
    from evolve.contest.simulated import ReadingPool, SimulatedModel

    model = SimulatedModel(cell.folder, cell.config.evaluator["kind"], cell.config.seed)
    return ReadingPool(problem.evaluator), {SIMULATED_MODEL: model}


def run_cells(
    contest: Contest,
    tell: Callable[[Cell, int, int, bool], None] = lambda cell, done, total, ran: None,
) -> bool:
    """Run what is left of a contest; return False when a signal stopped it.

    tell: called after every cell: with it, how many are done, of how many, and whether it was run now.
    The baselines of a problem are left out where no model is asked, whose prompts would show them: they would be scored
    again in every run.
    Raises UsageError that names the run, as `evolve.loop.run` does.
    """
    total = len(contest.cells)
    for place, cell in enumerate(contest.cells, 1):
        ran = not is_done(cell)
        if ran:
            problem = contest.problems[cell.problem]
            if not cell.config.asks_models:
                problem = replace(problem, baselines={})
            pool, clients = stand_ins(cell, problem)
            there = Store.holds_run(cell.folder)
            work = loop.run(cell.folder, cell.config, problem, resume=there, pool=pool, clients=clients)
            try:
                result = asyncio.run(work)
            except UsageError as error:
                raise UsageError(f"{cell.problem}, {cell.arm.label}, seed {cell.seed}: {error}") from None
            if result.interrupted:
                return False
        tell(cell, place, total, ran)
    return True
