"""Numbers and facts as a person reads them."""

from __future__ import annotations

import math

from evolve.config import BUILTIN, Budget, RunConfig
from evolve.intervals import Lead
from evolve.report.run_report import Cell, RunReport
from evolve.scoring import Status
from evolve.words import counted


def cell_text(cell: Cell) -> str:
    """Return a score with two decimals, or else why there is none; "-" where the split was not evaluated."""
    return score_text(cell.status, cell.score)


def cell_interval_text(cell: Cell) -> str:
    """Return as `cell_text`, with the 95 % interval of a score behind it: "61.24 [55.1, 67.0]"."""
    if cell.score is None or cell.interval is None or cell.status is not Status.OK:
        return cell_text(cell)
    return f"{cell.score:.2f} [{cell.interval.low:.1f}, {cell.interval.high:.1f}]"


def signed_text(points: float | None) -> str:
    """Return "+3.50", "-0.20", or "-" for None."""
    return "-" if points is None else f"{points:+.2f}"


def lead_text(lead: Lead | None) -> str:
    """Return a difference with its 95 % interval, and whether it may be chance: "3.50 [-1.2, 8.3], may be chance"."""
    if lead is None:
        return "-"
    return f"{lead.mean:.2f} [{lead.low:.1f}, {lead.high:.1f}]{'' if lead.is_certain else ', may be chance'}"


def score_text(status: Status | None, score: float | None) -> str:
    """Return a score with two decimals when the status is ok, else the status; "-" without any status."""
    if status is None:
        return "-"
    if status is not Status.OK:
        return status.value
    return "ok, no score" if score is None else f"{score:.2f}"


def figure_text(value: float) -> str:
    """Return a raw figure with six significant digits, whole numbers whole."""
    if not math.isfinite(value):
        return "not finite"
    if value == int(value) and abs(value) < 1e9:
        return str(int(value))
    return f"{value:.6g}"


def seconds_text(seconds: float) -> str:
    """Return "12.3 ms" or "1.23 s"."""
    return (
        f"{1000 * seconds:.3g} ms"
        if seconds < 0.9995
        else f"{seconds:.3g} s"
        if seconds < 999.5
        else f"{seconds:.0f} s"
    )


def duration_text(seconds: float) -> str:
    """Return "9.3 s", "4 min 07 s" or "2 h 05 min"."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def bytes_text(count: float) -> str:
    """Return "512 B", "31.4 MB" and so on, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def usd_text(cost_usd: float) -> str:
    """Return a sum of money with at least three significant digits below a dollar."""
    return f"${cost_usd:.2f}" if cost_usd >= 1 or cost_usd == 0 else f"${cost_usd:.4f}"


def mutators_text(config: RunConfig) -> str:
    """Return who changes programs, in words."""
    names = ["the built-in mutator" if model.name == BUILTIN else model.name for model in config.models]
    urls = dict.fromkeys(model.base_url for model in config.models if model.is_served and model.base_url)
    return ", ".join(names) + (f" at {', '.join(urls)}" if urls else "")


def search_text(config: RunConfig) -> str:
    """Return who becomes a parent, in words, and what part of train changes."""
    search = config.search
    drawn = f"; {search.fresh_instances} more train instances, drawn anew every {search.fresh_every} steps"
    return f"{search.strategy}, seed {config.seed}{drawn if search.fresh_instances else ''}"


def pace_text(count: float, seconds: float) -> str:
    """Return how many per minute, with at least two significant digits."""
    if count <= 0 or seconds <= 0:
        return "0/min"
    pace = 60 * count / seconds
    return f"{pace:.0f}/min" if pace >= 100 else f"{pace:.2g}/min"


def done_text(report: RunReport) -> str:
    """Return what was used of each budget, the evaluations first: "5 evaluations, 8 of 8 model calls"."""
    budget = report.config.budget
    money = None if budget.cost_usd is None else usd_text(budget.cost_usd)
    used: list[tuple[str, str | None]] = [
        (str(report.evaluations), _total(budget.evaluations, "evaluation")),
        (f"{report.active_s / 60:.3g}", _total(budget.minutes, "minute")),
        (usd_text(report.calls.cost_usd), money),
        (str(report.tokens), _total(budget.tokens, "token")),
        (str(report.calls.calls), _total(budget.calls, "model call")),
    ]
    parts = [f"{done} of {total}" for done, total in used if total is not None]
    return ", ".join(parts if budget.evaluations is not None else [counted(report.evaluations, "evaluation"), *parts])


def budget_text(budget: Budget) -> str:
    """Return the totals that end a run."""
    parts = [
        _total(budget.evaluations, "evaluation"),
        _total(budget.minutes, "minute"),
        f"${budget.cost_usd:g}" if budget.cost_usd is not None else None,
        _total(budget.tokens, "token"),
        _total(budget.calls, "model call"),
        f"until {budget.target:g} on train" if budget.target is not None else None,
        f"until {counted(budget.patience, 'evaluation')} bring nothing" if budget.patience is not None else None,
    ]
    return ", ".join(part for part in parts if part)


def _total(count: float | None, what: str) -> str | None:
    return None if count is None else counted(count, what)
