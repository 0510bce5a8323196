"""Scores outside a run as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evolve.evaluator import Evaluator, Split
from evolve.measure import Measured
from evolve.report.run_document import instance_documents


def score_document(evaluator: Evaluator, split: Split, measured: Measured) -> dict[str, Any]:
    """Return the facts of `evolve score`; with repetitions, those of the one with the median CPU time."""
    score = measured.score
    return {
        "evaluator": evaluator.name,
        "split": split,
        "remark": evaluator.remark(split),
        "program": measured.name,
        "status": score.status,
        "score": score.score,
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
    """Return programs by score, best first; those without one last; ties by name."""
    return sorted(measured, key=lambda one: (one.score.score is None, -(one.score.score or 0.0), one.name))
