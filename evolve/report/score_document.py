"""Scores outside a run as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evolve.evaluator import Evaluator, Split
from evolve.foreign import remark_of
from evolve.intervals import Interval, mean_interval
from evolve.report.run_document import instance_documents
from evolve.scoring import SplitScore

if TYPE_CHECKING:
    from evolve.measure import Measured
    from evolve.workers import Fresh


def score_document(
    evaluator: Evaluator, split: Split, measured: Measured, fresh: Fresh | None = None
) -> dict[str, Any]:
    """Return the facts of `evolve score`; with repetitions, those of the one with the median CPU time.

    fresh: what the instances were drawn from, when they are none of the split's own.
    """
    score = measured.score
    return {
        "evaluator": evaluator.name,
        "split": split,
        "fresh": fresh,
        "remark": remark_of(evaluator, split),
        "program": measured.name,
        "status": score.status,
        "score": score.score,
        "score_interval": score_interval(score),
        "metrics": score.metrics,
        "feedback": score.feedback,
        "instances": instance_documents(list(score.instances)),
        "cpu_s": score.cpu_s,
        "wall_s": measured.wall_s[measured.scores.index(score)],
        "peak_rss_bytes": score.peak_rss_bytes,
        "repeats": len(measured.scores),
        "cpu_spread_s": measured.cpu_spread_s(),
        "score_spread": measured.score_spread(),
    }


def score_interval(score: SplitScore) -> Interval | None:
    """Return the mean score over instances with its 95 % interval; None where the program has no score."""
    scores = [one.score for one in score.instances if one.score is not None]
    return mean_interval(scores) if score.score is not None and scores else None


def baselines_document(evaluator: Evaluator, split: Split, measured: Sequence[Measured]) -> dict[str, Any]:
    """Return the facts of `evolve baselines`, the best first."""
    return {
        "evaluator": evaluator.name,
        "split": split,
        "baselines": [
            {
                "name": one.name,
                "status": one.score.status,
                "score": one.score.score,
                "metrics": one.score.metrics,
                "feedback": one.score.feedback,
                "cpu_s": one.score.cpu_s,
                "wall_s": one.wall_s[0],
                "peak_rss_bytes": one.score.peak_rss_bytes,
            }
            for one in ranked(measured)
        ],
    }


def ranked(measured: Sequence[Measured]) -> list[Measured]:
    """Return programs by score, the best first, those without a score last, ties by name."""
    return sorted(measured, key=lambda one: (one.score.score is None, -(one.score.score or 0.0), one.name))
