"""Several runs as one page: the comparison, then each run's own claim, steps and difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evolve.archive import Store
from evolve.draw.svg import as_page_parts
from evolve.evaluator import Split
from evolve.picture import Bar, Bars, Line, Picture, Series
from evolve.report.chain import MOST_STEPS, chain
from evolve.report.changes import unified_diff
from evolve.report.comparison import Comparison, compare
from evolve.report.judgement import verdict
from evolve.report.page.charts import curve_points
from evolve.report.page.facts import as_script_data
from evolve.report.page.markup import rendered
from evolve.report.page.run_page import one_file
from evolve.report.run_report import describe


def comparison_page(stores: Sequence[Store], how: Mapping[str, Any] | None = None) -> str:
    """Return a page that compares runs: one file. how: what makes it a page that is served instead."""
    found = compare(stores)
    bars = bars_picture(found)
    facts = {"runs": [{"name": run.name, "curve": run.curve} for run in found.runs if run.curve]}
    return rendered(
        "comparison.html.j2",
        **(how or one_file()),
        title="Runs compared",
        comparison=found,
        splits=as_page_parts([bars] if bars else []),
        runs=[_own_part(store) for store in stores],
        facts=as_script_data(facts),
    )


def _own_part(store: Store) -> dict[str, object]:
    report = describe(store)
    best, seed = report.best, report.seed
    is_better = best is not None and seed is not None and best.id > 0
    return {
        "report": report,
        "verdict": verdict(report),
        "most_steps": MOST_STEPS,
        "chain": chain(store, best, MOST_STEPS) if is_better and best else [],
        "diff": unified_diff(seed.source, best.source, "seed.py", "best.py") if is_better and seed and best else "",
    }


def bars_picture(found: Comparison) -> Picture | None:
    """Return each run's best program on test, with intervals; on train where test is not scored yet."""
    panels = []
    for split in (Split.TEST, Split.TRAIN):
        bars = [
            Bar(
                run.name,
                cell.score,
                None if cell.interval is None else cell.interval.low,
                None if cell.interval is None else cell.interval.high,
                "best",
            )
            for run in found.runs
            if (cell := run.cells[split]).score is not None
        ]
        if bars:
            panels.append(Bars(f"best program of each run on {split}", "score", tuple(bars)))
    return Picture("Runs compared", tuple(panels)) if panels else None


def curves_picture(stores: Sequence[Store]) -> Picture | None:
    """Return the best score of runs over evaluations, minutes and dollars."""
    curves = {store.folder.name: curve_points(store) for store in stores}
    panels = []
    for place, name in ((0, "evaluations"), (1, "minutes of work"), (2, "US dollars")):
        lines = [
            Line(run, tuple((float(point[place]), point[3]) for point in points), "step")
            for run, points in curves.items()
            if points
        ]
        if lines and any(line.points[-1][0] > 0 for line in lines):
            panels.append(Series("", name, "best score on train", tuple(lines)))
    return Picture("Runs compared", tuple(panels)) if panels else None
