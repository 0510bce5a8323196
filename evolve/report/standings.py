"""Where programs stand on each split, with 95 % intervals over the instances, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evolve.archive import Store
from evolve.evaluator import Split
from evolve.intervals import Interval, mean_interval
from evolve.report.run_report import SHOWN_SPLITS, ProgramRow, RunReport
from evolve.scoring import InstanceResult, Status


@dataclass(frozen=True)
class Standing:
    """A program on a split.

    Attributes:
        score: mean over the instances with its interval; None unless every instance is ok.
        above_seed, above_baseline: how far it is above the seed and above the best baseline there, instance by
            instance, with the interval of that difference; None where one of the two has no score, or is itself.
    """

    row: ProgramRow
    split: Split
    score: Interval | None
    above_seed: Interval | None = None
    above_baseline: Interval | None = None


def standings(store: Store, report: RunReport) -> list[Standing]:
    """Return where every program of the result table stands, split by split."""
    found = []
    for split in SHOWN_SPLITS:
        scores = {row.id: _scores(store.evaluations(row.id, split)) for row in report.rows}
        baseline = report.best_baseline(split)
        for row in report.rows:
            own = scores[row.id]
            if row.splits[split].status is None:
                continue
            found.append(
                Standing(
                    row,
                    split,
                    mean_interval(list(own.values())) if own and row.splits[split].status is Status.OK else None,
                    _above(own, scores.get(0)) if row.id != 0 else None,
                    _above(own, scores[baseline.id]) if baseline is not None and baseline.id != row.id else None,
                )
            )
    return found


def claim(store: Store, report: RunReport) -> str:
    """Return by how much the best program is above seed and best baseline on test, with intervals; "" before."""
    best, seed = report.row("best"), report.row("seed")
    if best is None or seed is None or best.id == seed.id or best.splits[Split.TEST].score is None:
        return ""
    own = _scores(store.evaluations(best.id, Split.TEST))
    parts = []
    baseline = report.best_baseline(Split.TEST)
    for row, name in ((seed, "the seed"), (baseline, baseline and f"the best baseline, {baseline.name}")):
        above = None if row is None else _above(own, _scores(store.evaluations(row.id, Split.TEST)))
        if above is not None:
            parts.append(f"{gain_text(above)} above {name}")
    if not parts:
        return ""
    return f"Points on test, 95 % intervals over its {len(own)} instances: {'; '.join(parts)}."


def gain_text(gain: Interval) -> str:
    """Return a difference of scores with its interval: "+12.30 [+8.10, +16.52]"."""
    return f"{gain.mean:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"


def score_interval_text(score: Interval | None) -> str:
    """Return a score with its interval: "12.30 [8.10, 16.52]"; "-" where there is none."""
    return "-" if score is None else f"{score.mean:.2f} [{score.low:.2f}, {score.high:.2f}]"


def _scores(results: Sequence[InstanceResult]) -> dict[str, float]:
    return {result.instance_id: result.score for result in results if result.score is not None}


def _above(own: dict[str, float], other: dict[str, float] | None) -> Interval | None:
    """Return the mean of the differences on the instances on which both have a score."""
    both = [id for id in own if other and id in other]
    return mean_interval([own[id] - other[id] for id in both]) if both and other else None
