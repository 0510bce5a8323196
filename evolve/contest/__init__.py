"""Strategies, models, prompts or any other setting compared at equal budgets: `evolve bench`."""

from evolve.contest.page import render_page
from evolve.contest.plan import Arm, Cell, Contest, make_contest
from evolve.contest.ranking import Ranking, rank, versus
from evolve.contest.result import Result, read_result
from evolve.contest.running import is_done, run_cells
from evolve.contest.standing import Standings, document, to_csv

__all__ = [
    "Arm",
    "Cell",
    "Contest",
    "Ranking",
    "Result",
    "Standings",
    "document",
    "is_done",
    "make_contest",
    "rank",
    "read_result",
    "render_page",
    "run_cells",
    "to_csv",
    "versus",
]
