"""A run and its programs as JSON documents: what `--json` prints."""

from __future__ import annotations

import datetime
from typing import Any

from evolve.archive import Improvement, Program, Store
from evolve.evaluator import Split
from evolve.report.judgement import choice, indistinct_baselines, verdict
from evolve.report.run_report import ProgramRow, RunReport, hints
from evolve.report.steps import call_document
from evolve.scoring import InstanceResult
from evolve.winner import Standing


def run_document(report: RunReport) -> dict[str, Any]:
    """Return the facts of a run."""
    best = report.row("best")
    return {
        "run": report.folder.name,
        "folder": report.folder.resolve(),
        "evaluator": report.evaluator,
        "status": report.status,
        "reason": report.reason,
        "seed": report.config.seed,
        "deterministic": report.config.deterministic,
        "search": report.config.search.strategy,
        "models": [model.name for model in report.config.models],
        "workers": report.config.workers,
        "budget": report.config.budget.model_dump(),
        "evaluations": report.evaluations,
        "outrun": report.outrun,
        "steps": report.steps,
        "best": None if best is None else {"id": best.id, **_train(report.best), "splits": best.splits},
        "best_is_final": report.winner_known,
        "beats_seed_on_test": report.beats_seed_on_test(),
        "best_baseline_on_test": _on_test(report.best_baseline(Split.TEST)),
        "points_above_best_baseline_on_test": report.points_above_baseline(),
        "points_train_above_test": report.train_above_test(),
        "not_distinguishable_from": [row.name for row in indistinct_baselines(report)],
        "verdict": verdict(report),
        "choice": choice(report),
        "finalists": [_finalist(one) for one in report.finalists],
        "hints": hints(report),
        "programs": [{**vars(row), "points_train_above_test": row.gap} for row in report.rows],
        "cost_usd": report.calls.cost_usd,
        "cost_known": report.cost_known,
        "cut_off": report.calls.cut_off,
        "cut_off_tokens": report.calls.cut_off_tokens,
        "cut_off_usd": report.calls.cut_off_usd,
        "model_calls": report.calls.calls,
        "model_calls_failed": report.calls.failed,
        "prompt_tokens": report.calls.prompt_tokens,
        "completion_tokens": report.calls.completion_tokens,
        "active_s": report.active_s,
        "started": when(report.started),
        "ended": when(report.ended),
        "improvements": [_improvement(one) for one in report.improvements],
        "setbacks": report.setbacks,
        "front": report.front,
    }


def _improvement(one: Improvement) -> dict[str, Any]:
    return {
        "evaluation": one.evaluation,
        "id": one.trial.id,
        "parent_id": one.trial.parent,
        "score": one.score,
        "kind": one.trial.kind,
        "mutator": one.trial.model,
    }


def _finalist(standing: Standing) -> dict[str, Any]:
    one = standing.finalist
    return {
        "id": one.id,
        "validation": one.score,
        "train": one.train,
        "tokens": one.tokens,
        "behind_the_leader": standing.behind,
        "is_level_with_the_leader": standing.is_level,
        "wins": standing.wins,
    }


def program_document(store: Store, program: Program) -> dict[str, Any]:
    """Return the facts of one program: its figures on every split that it was scored on, and how it came about."""
    selection, call = store.selection(program.id), store.model_call(program.id)
    splits: dict[str, Any] = {
        Split.TRAIN.value: {
            "status": program.status,
            "score": program.score,
            "metrics": program.metrics,
            "instances": instance_documents(store.evaluations(program.id, Split.TRAIN)),
        }
    }
    for figure in store.split_figures(program.id):
        splits[figure.split.value] = {
            "status": figure.status,
            "score": figure.score,
            "metrics": figure.metrics,
            "instances": instance_documents(store.evaluations(program.id, figure.split)),
        }
    return {
        "id": program.id,
        "role": program.role,
        "name": program.name,
        "parent_id": program.parent_id,
        "place": program.place,
        "kind": program.kind,
        "status": program.status,
        "score": program.score,
        "cpu_s": program.cpu_s,
        "failure": program.failure,
        "created": when(program.created),
        "splits": splits,
        "selection": None if selection is None else selection._asdict(),
        "model_call": None if call is None else call_document(call),
        "source": program.source,
    }


def instance_documents(results: list[InstanceResult]) -> list[dict[str, Any]]:
    """Return the results per instance."""
    return [
        {
            "id": result.instance_id,
            "status": result.status,
            "score": result.score,
            "metrics": result.metrics,
            "feedback": result.feedback,
            "failure": result.failure,
            "cpu_s": result.cpu_s,
            "import_cpu_s": result.import_cpu_s,
            "wall_s": result.wall_s,
            "peak_rss_bytes": result.peak_rss_bytes,
            "output": result.output,
        }
        for result in results
    ]


def when(seconds: float | None) -> str | None:
    """Return seconds since the epoch as local time with its offset, "2025-03-01T14:05:09+01:00"."""
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds).astimezone().isoformat("T", "seconds")


def _on_test(row: ProgramRow | None) -> dict[str, Any] | None:
    return None if row is None else {"name": row.name, "id": row.id, "score": row.splits[Split.TEST].score}


def _train(program: Program | None) -> dict[str, Any]:
    return {} if program is None else {"score": program.score, "status": program.status, "metrics": program.metrics}
