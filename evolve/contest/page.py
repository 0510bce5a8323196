"""A contest as one self-contained page: curves with bands, ranks, tables. No script, nothing from elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from evolve.contest.plan import Contest
from evolve.contest.result import POINTS
from evolve.contest.standing import Figures, Standings

WIDTH, HEIGHT = 640, 280
RANKS_WIDTH = 840
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 26
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b"),
    *("#7f7f7f", "#bcbd22", "#9467bd", "#17becf"),
)
"""Okabe and Ito's palette, which the colour-blind can tell apart, and a few more."""


@dataclass(frozen=True)
class _Line:
    arm: str
    colour: str
    dash: str
    path: str
    band: str


def render_page(contest: Contest, standings: Standings, command: str) -> str:
    """Return the page as HTML. command: what was typed."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evolve.contest", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    styles = {arm.label: _style(place) for place, arm in enumerate(contest.arms)}
    panels = [_panel(name, standings, styles) for name in contest.problems]
    return environment.get_template("page.html.j2").render(
        contest=contest,
        standings=standings,
        panels=[panel for panel in panels if panel["lines"]],
        styles=styles,
        ranks=_rank_axis(standings),
        command=command,
        width=WIDTH,
        height=HEIGHT,
        unit=contest.unit.replace("cost_usd", "US dollars"),
    )


def _style(place: int) -> tuple[str, str]:
    """Return colour and dashes of an arm: a second round of colours is dashed."""
    return COLOURS[place % len(COLOURS)], "" if place < len(COLOURS) else "4 2"


def _panel(problem: str, standings: Standings, styles: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Return what the plot of a problem is drawn from."""
    own = [one for one in standings.figures if one.problem == problem]
    values = [y for one in own for y in (*one.low, *one.high, *one.middle)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    ticks = _ticks(low, high)
    bottom, top = min(low, ticks[0]), max(high, ticks[-1])

    def at(point: int, y: float) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * point / POINTS
        height = HEIGHT - TOP - BOTTOM
        return f"{x:.1f},{TOP + height * (1 - (y - bottom) / (top - bottom)):.1f}"

    lines = [_line(one, styles[one.arm], at) for one in own]
    marks = [(f"{tick:g}", at(0, tick).split(",")[1]) for tick in ticks]
    return {"problem": problem, "lines": lines, "ticks": marks, "figures": own, "left": LEFT, "right": WIDTH - RIGHT}


def _line(one: Figures, style: tuple[str, str], at: Any) -> _Line:
    path = " ".join(at(point, y) for point, y in enumerate(one.middle))
    upper = [at(point, y) for point, y in enumerate(one.high)]
    lower = [at(point, y) for point, y in enumerate(one.low)]
    return _Line(one.arm, *style, path, " ".join([*upper, *reversed(lower)]))


def _ticks(low: float, high: float) -> list[float]:
    """Return some round numbers that span low to high."""
    span = max(high - low, 1e-3)
    step = 10 ** math.floor(math.log10(span))
    step = next(one for one in (step / 5, step / 2, step, 2 * step, 5 * step) if span / one <= 6)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * n, 6) for n in range(first, max(last, first + 1) + 1)]


def _rank_axis(standings: Standings) -> dict[str, Any] | None:
    """Return where the arms stand on a line of mean ranks on test, and how long the critical difference is."""
    if standings.by_test is None:
        return None
    count = len(standings.by_test.ranks)
    wide = RANKS_WIDTH - 2 * LEFT

    def x(rank: float) -> float:
        return LEFT + wide * (rank - 1) / max(1, count - 1)

    marks = [
        {"arm": arm, "rank": f"{mean:.2f}", "x": f"{x(mean):.1f}", "y": 40 + 18 * place}
        for place, (arm, mean) in enumerate(standings.by_test.ranks.items())
    ]
    return {
        "marks": marks,
        "length": f"{x(1 + standings.by_test.difference) - LEFT:.1f}",
        "ticks": [(n, f"{x(n):.1f}") for n in range(1, count + 1)],
        "height": 60 + 18 * count,
        "width": RANKS_WIDTH,
    }
