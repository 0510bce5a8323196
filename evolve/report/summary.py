"""summary.md: what a person reads first."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from evolve.intervals import Lead
from evolve.report.chain import Link
from evolve.report.changes import unified_diff
from evolve.report.costs import Costs
from evolve.report.documents import to_json_line
from evolve.report.figures import (
    budget_text,
    cell_interval_text,
    done_text,
    duration_text,
    lead_text,
    mutators_text,
    pace_text,
    search_text,
    signed_text,
    usd_text,
)
from evolve.report.judgement import choice, verdict
from evolve.report.run_report import Cell, RunReport, hints
from evolve.report.sparkline import sparkline
from evolve.safe_text import Markdown, code_span, fenced, markdown, one_line
from evolve.words import counted

IMPROVEMENTS_SHOWN = 30
DIFF_LINES_SHOWN = 300
CURVE_WIDTH = 60
CURVE = "curve.svg"
"""The file beside it that shows the curve."""


def render_summary(report: RunReport, costs: Costs, links: Sequence[Link] = ()) -> str:
    """Return the text of summary.md. links: the steps from the seed to the best program."""
    import jinja2

    # `finalize` sees whatever an expression gives: all of it is foreign unless it says that it is Markdown.
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evolve.report", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        finalize=_as_markdown,
    )
    filters: dict[str, Any] = {"counted": counted, "duration": duration_text, "usd": usd_text, "code": code_span}
    # Numbers and words of ours only: their brackets are no links.
    filters |= {"interval": _interval, "lead": _lead, "signed": signed_text}
    environment.filters.update(filters)
    return environment.get_template("summary.md.j2").render(
        report=report,
        costs=costs,
        verdict=verdict(report),
        choice=choice(report),
        finished=report.status == "finished",
        problem=Markdown(one_line(shlex.quote(report.config.problem))),
        folder=Markdown(one_line(shlex.quote(str(report.folder)))),
        options=to_json_line(report.config.evaluator) if report.config.evaluator else "",
        mutators=mutators_text(report.config),
        search=search_text(report.config),
        budget=budget_text(report.config.budget),
        done=done_text(report),
        pace=pace_text(report.evaluations, report.active_s),
        hints=hints(report),
        curve=sparkline(report.curve, CURVE_WIDTH),
        improvements_shown=IMPROVEMENTS_SHOWN,
        curve_file=CURVE,
        links=links,
        diff=_diff(report),
        more=2 * max(report.config.budget.evaluations or report.evaluations, 100),
    )


def _diff(report: RunReport) -> Markdown:
    if report.best is None or report.seed is None or report.best.id == report.seed.id:
        return Markdown()
    lines = unified_diff(report.seed.source, report.best.source, f"seed{report.suffix}", f"best{report.suffix}").split(
        "\n"
    )[:-1]
    if not lines:
        return Markdown()
    cut = len(lines) - DIFF_LINES_SHOWN
    text = fenced("\n".join(lines[:DIFF_LINES_SHOWN]), "diff")
    more = code_span(f"evolve diff {shlex.quote(str(report.folder))}")
    return Markdown(f"{text}\n\n{cut} more lines: {more}") if cut > 0 else text


def _interval(cell: Cell) -> Markdown:
    return Markdown(cell_interval_text(cell))


def _lead(lead: Lead | None) -> Markdown:
    return Markdown(lead_text(lead))


def _as_markdown(value: object) -> str:
    return value if isinstance(value, Markdown) else markdown(str(value))
