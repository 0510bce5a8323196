"""An audit as a JSON document."""

from __future__ import annotations

from typing import Any

from evolve.audit import POINTS, REPEATS, SHARE, Audit, FreshAudit
from evolve.scoring import SplitScore


def audit_document(audit: Audit, fresh: FreshAudit | None = None) -> dict[str, Any]:
    """Return the facts of `evolve audit`. fresh: what `--fresh` found."""
    subject = audit.subject
    return {
        "run": subject.folder.name,
        "folder": subject.folder.resolve(),
        "evaluator": audit.evaluator,
        "status": subject.status,
        "reason": subject.reason,
        "finished": subject.is_finished,
        "program": subject.program.id,
        "reproduces": audit.reproduces,
        "repeats": REPEATS,
        "timed_metrics": audit.timed,
        "tolerance": {"timed_metric_share": SHARE, "timed_score_points": POINTS},
        "splits": {
            one.split: {
                "reproduces": not one.differences,
                "remark": one.remark,
                "archived": None if one.archived is None else _figures(one.archived),
                "repeats": [{**_figures(score), "cpu_s": score.cpu_s} for score in one.repeats],
            }
            for one in audit.splits
        },
        "others": [
            {
                "program": one.program.id,
                "name": one.program.name,
                "split": one.split,
                "reproduces": not one.differences,
                "archived": None if one.archived is None else _figures(one.archived),
                "repeats": [{**_figures(score), "cpu_s": score.cpu_s} for score in one.repeats],
            }
            for one in audit.others
        ],
        "differences": audit.differences,
        "flags": audit.flags,
        "fresh": None if fresh is None else _fresh_facts(fresh),
    }


def _fresh_facts(fresh: FreshAudit) -> dict[str, Any]:
    """Return what came of fresh instances."""
    return {
        "seed": fresh.seed,
        "instances": fresh.count,
        "drawn_as": fresh.split,
        "compared_with": fresh.test_count,
        "programs": fresh.scores,
        "is_finding": fresh.is_finding,
    }


def _figures(score: SplitScore) -> dict[str, Any]:
    return {
        "status": score.status,
        "score": score.score,
        "metrics": score.metrics,
        "instances": len(score.instances),
    }
