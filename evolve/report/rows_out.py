"""The tables of a run as CSV, JSON lines or Parquet, for whoever analyses runs with tools of his own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evolve.archive import Store
from evolve.draw.rows import to_csv
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.report.documents import plain, to_json_line
from evolve.report.work_time import minutes_of_work

TABLES = ("programs", "evaluations", "calls")
FORMS = ("csv", "parquet", "jsonl")


def rows_of(store: Store, table: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as plain values, in the order of programs or steps."""
    yield from {"programs": _programs, "evaluations": _evaluations, "calls": _calls}[table](store)


def _programs(store: Store) -> Iterator[dict[str, Any]]:
    trials = {trial.id: trial for trial in store.trials()}
    minutes, splits = minutes_of_work(store), {}
    for figure in store.split_figures():
        splits[figure.program_id, figure.split] = figure.score
    for program in store.programs():
        trial = trials.get(program.id)
        yield {
            "id": program.id,
            "role": program.role.value,
            "name": program.name,
            "parent_id": program.parent_id,
            "kind": program.kind,
            "model": "" if trial is None else trial.model,
            "status": None if program.status is None else program.status.value,
            "score_train": program.score,
            **{f"score_{split}": splits.get((program.id, split)) for split in (Split.VALIDATION, Split.TEST)},
            "cpu_s": program.cpu_s,
            "chars": program.chars,
            "minutes": minutes.get(program.id, 0.0) if program.id > 0 else 0.0,
            "call_cost_usd": None if trial is None else trial.cost_usd,
            "failure": program.failure,
            "idea": program.idea,
            "metrics": json.dumps(plain(program.metrics)),
            "source": program.source,
        }


def _evaluations(store: Store) -> Iterator[dict[str, Any]]:
    beyond = {(figure.program_id, figure.split) for figure in store.split_figures()}
    for program in store.programs():
        for split in (split for split in Split if split is Split.TRAIN or (program.id, split) in beyond):
            for result in store.evaluations(program.id, split):
                yield {
                    "program_id": program.id,
                    "split": split.value,
                    "instance": result.instance_id,
                    "status": result.status.value,
                    "score": result.score,
                    "failure": result.failure,
                    "cpu_s": result.cpu_s,
                    "wall_s": result.wall_s,
                    "peak_rss_bytes": result.peak_rss_bytes,
                    "metrics": json.dumps(plain(result.metrics)),
                    "feedback": result.feedback,
                }


def _calls(store: Store) -> Iterator[dict[str, Any]]:
    for call in store.model_calls():
        yield {
            "step": call.step,
            "model": call.model,
            "kind": call.kind,
            "status": call.status.value,
            "error": call.error,
            "prompt_tokens": call.prompt_tokens,
            "cached_tokens": call.cached_tokens,
            "completion_tokens": call.completion_tokens,
            "reasoning_tokens": call.reasoning_tokens,
            "cost_usd": call.cost_usd,
            "latency_s": call.latency_s,
            "attempts": call.attempts,
            "prompt": call.prompt,
            "answer": call.answer,
        }


def write_rows(rows: Iterator[dict[str, Any]], form: str, out: Path | None) -> int:
    """Write rows into a file, or to stdout where there is none; return how many.

    Raises UsageError when the file cannot be written, or pyarrow is missing for Parquet.
    """
    found = list(rows)
    if form == "parquet":
        if out is None:
            raise UsageError("--parquet is not text: give a file with --out.")
        _write_parquet(found, out)
        return len(found)
    if form == "jsonl":
        text = "".join(f"{to_json_line(row)}\n" for row in found)
    else:
        header = tuple(found[0]) if found else ()
        text = to_csv([header, *(tuple(row.values()) for row in found)]) if found else ""
    if out is None:
        sys.stdout.write(text)
        return len(found)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from None
    return len(found)


def _write_parquet(rows: list[dict[str, Any]], out: Path) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("--parquet needs pyarrow, which is not installed: pip install 'evolve[parquet]'") from None
    safe = [
        {k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for k, v in row.items()} for row in rows
    ]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pyarrow.Table.from_pylist(safe), out)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror or error}.") from None
