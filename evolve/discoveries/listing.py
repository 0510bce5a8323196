"""Discoveries side by side: a line each, for a person, a program and the README."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from evolve.discoveries.account import mean_text
from evolve.discoveries.folder import Discovery, best_of, discoveries_of, published_of
from evolve.discoveries.head import Published
from evolve.evaluator import Split
from evolve.registry import Problem, installed_problems, load_problem
from evolve.report.figures import figure_text
from evolve.report.tables import facts_table
from evolve.safe_text import one_line
from evolve.words import counted


@dataclass(frozen=True)
class Line:
    """A discovery beside what else is known of its problem. is_best: the one that `--from best` takes."""

    discovery: Discovery
    published: Published | None
    is_best: bool

    @property
    def metric(self) -> str:
        """The figure of the published set that is compared."""
        return "adrs_score" if self.published is None else self.published.metric

    @property
    def public(self) -> float | None:
        """The program's figure on the published set; None where it has none."""
        of = self.discovery.head.public
        return None if of is None else of.metrics.get(self.metric)

    @property
    def heuristic(self) -> float | None:
        """That of the best baseline there."""
        of = self.discovery.head.public
        return None if of is None else of.baseline_metrics.get(self.metric)


def lines_of(ref: str | None) -> list[Line]:
    """Return the discoveries of a problem, or of every installed one that loads, by problem and name."""
    problems = [load_problem(ref)] if ref else [one for _, one in installed_problems() if isinstance(one, Problem)]
    return [line for problem in problems for line in _of_problem(problem)]


def _of_problem(problem: Problem) -> list[Line]:
    known = discoveries_of(problem)
    best, published = best_of(problem).head.name if known else "", published_of(problem)
    return [Line(one, published, one.head.name == best) for one in known]


def discoveries_document(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Return the facts of `evolve discoveries`."""
    return [
        {
            "ref": line.discovery.ref,
            "is_best": line.is_best,
            "folder": line.discovery.folder,
            **line.discovery.head.model_dump(mode="json"),
            "public_metric": line.metric,
            "public_figure": line.public,
            "public_baseline_figure": line.heuristic,
            "published": None if line.published is None else line.published.model_dump(mode="json"),
        }
        for line in lines
    ]


def print_discoveries(console: Console, lines: Sequence[Line]) -> None:
    """Print them: what each does, its figures on test, those of the published set, and what found it."""
    for line in lines:
        head = line.discovery.head
        console.print(Text.assemble((one_line(line.discovery.ref), "bold"), "  ", one_line(head.summary)))
        facts = {"found by": f"{counted(head.cost.calls, 'call')} of {', '.join(head.models)}, {head.search}"}
        test = head.splits.get(Split.TEST)
        if test is not None:
            facts["test"] = mean_text(test.program)
            if test.lead is not None:
                facts["test"] += f"; best baseline {test.baseline} {mean_text(test.of_baseline)}"
                facts["lead there"] = mean_text(test.lead)
        if head.public is not None and line.public is not None:
            ours, heuristic, best, limit = _public(line)
            facts["published set"] = f"{line.metric} {ours}; best baseline {head.public.baseline} {heuristic}"
            if line.published is not None:
                facts["known there"] = f"best published {best}; limit {limit} ({line.published.limit_is})"
        console.print(facts_table({f"  {name}": fact for name, fact in facts.items()}))


def _public(line: Line) -> tuple[str, str, str, str]:
    known = line.published
    unit = f" {known.unit}" if known is not None and known.unit else ""
    best_known = (None, None) if known is None else (known.best, known.limit)
    figures = (line.public, line.heuristic, *best_known)
    ours, heuristic, best, limit = ("-" if one is None else figure_text(one) + unit for one in figures)
    return ours, heuristic, best, limit


def markdown_table(lines: Sequence[Line]) -> str:
    """Return the table of the README: the best discovery of each problem, on the published set or else on test."""
    if not lines:
        return "None is kept yet.\n"
    rows = ["| discovery | measured by | best heuristic | best published | ours | limit | calls |"]
    rows.append("|---|---|---:|---:|---:|---:|---:|")
    for line in (one for one in lines if one.is_best):
        head, folder = line.discovery.head, line.discovery.folder
        measure = "the published set"
        cells: tuple[str, ...] = _public(line)
        if line.public is None and (test := head.splits.get(Split.TEST)) is not None:
            measure = "own test split"
            cells = (
                f"{test.program.mean:.2f}",
                "-" if test.of_baseline is None else f"{test.of_baseline.mean:.2f}",
                "-",
                "-",
            )
        ours, heuristic, best, limit = cells
        link = f"evaluators/{folder.parent.parent.name}/discoveries/{folder.name}/account.md"
        row = (f"[{line.discovery.ref}]({link})", measure, heuristic, best, f"**{ours}**", limit, str(head.cost.calls))
        rows.append(f"| {' | '.join(row)} |")
    return "\n".join(rows) + "\n"
