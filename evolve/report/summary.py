"""summary.md: what a person reads first."""

from __future__ import annotations

import re
from typing import Any

from evolve.report.changes import unified_diff
from evolve.report.documents import to_json_line
from evolve.report.figures import budget_text, cell_text, duration_text, mutators_text, usd_text
from evolve.report.run_report import RunReport, verdict
from evolve.report.sparkline import sparkline

IMPROVEMENTS_SHOWN = 30
DIFF_LINES_SHOWN = 300
CURVE_WIDTH = 60


def render_summary(report: RunReport) -> str:
    """Return the text of summary.md."""
    import jinja2

    # No autoescaping: what comes out is Markdown, not HTML.
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evolve.report", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    filters: dict[str, Any] = {"cell": cell_text, "duration": duration_text, "usd": usd_text, "in_table": _in_table}
    environment.filters.update(filters)
    rate = report.evaluations / report.active_s if report.active_s > 0 else 0.0
    return environment.get_template("summary.md.j2").render(
        report=report,
        verdict=verdict(report),
        finished=report.status == "finished",
        folder=report.folder,
        options=to_json_line(report.config.evaluator) if report.config.evaluator else "",
        mutators=mutators_text(report.config),
        budget=budget_text(report.config.budget),
        rate=f", {rate:.1f} per second" if rate else "",
        curve=sparkline(report.curve, CURVE_WIDTH),
        improvements_shown=IMPROVEMENTS_SHOWN,
        diff=_diff(report),
        more=2 * max(report.config.budget.evaluations or report.evaluations, 100),
    )


def fenced(text: str, language: str = "") -> str:
    """Return a text in a Markdown fence that nothing in the text closes."""
    longest = max((len(run) for run in re.findall(r"^[ +-]*(`{3,})", text, re.MULTILINE)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _diff(report: RunReport) -> str:
    if report.best is None or report.seed is None or report.best.id == report.seed.id:
        return ""
    lines = unified_diff(report.seed.source, report.best.source, "seed.py", "best.py").splitlines()
    if not lines:
        return ""
    cut = len(lines) - DIFF_LINES_SHOWN
    text = fenced("\n".join(lines[:DIFF_LINES_SHOWN]), "diff")
    return f"{text}\n\n{cut} more lines: `evolve diff {report.folder}`" if cut > 0 else text


def _in_table(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'") or "-"
