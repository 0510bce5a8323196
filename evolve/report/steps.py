"""Every step of a run, whatever became of it: what was asked of whom, what was answered, why it failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from evolve.archive import Fate, ModelCall, Selection, Store
from evolve.report.figures import duration_text, usd_text
from evolve.report.run_report import last_line
from evolve.report.tables import plain_table
from evolve.safe_text import one_line, visible
from evolve.scoring import Status

ROOM_FOR_REASON = 24
"""Below so many characters for the reason it goes below its step."""


@dataclass(frozen=True)
class StepLine:
    """One step.

    Attributes:
        result: the status of its program; or what became of the step where there is none; "under way".
        score: on train, None unless the status is ok.
        reason: why it gave no sound program, one line; of a sound program, the model's own words on it.
        is_sound: there is a program, and it has a score.
    """

    step: int
    kind: str
    mutator: str
    parent_id: int
    result: str
    score: float | None
    reason: str
    cost_usd: float | None
    is_sound: bool


def step_lines(store: Store, top: int | None = None, failed: bool = False, kind: str | None = None) -> list[StepLine]:
    """Return the steps of a run in their order.

    top: only so many with the highest score on train, best first.  failed: only those that have no sound program.
    kind: only those of one kind of change.
    """
    lines = [
        StepLine(
            trial.id,
            trial.kind,
            trial.model,
            trial.parent or 0,
            trial.status.value if trial.status is not None else trial.fate.value,
            trial.score,
            last_line(trial.failure or trial.note or trial.idea),
            trial.cost_usd,
            trial.status is Status.OK,
        )
        for trial in store.trials()
    ]
    lines += [
        StepLine(s.step, s.kind, s.mutator, s.parent_id, "under way", None, "", None, False)
        for s in store.selections(unfinished=True)
    ]
    if kind is not None:
        lines = [line for line in lines if line.kind == kind]
    if failed:
        lines = [
            line
            for line in lines
            if not line.is_sound and line.result not in ("under way", Fate.INSIGHT, Status.OUTRUN)
        ]
    if top is None:
        return sorted(lines, key=lambda line: line.step)
    scored = [line for line in lines if line.score is not None]
    return sorted(scored, key=lambda line: (-(line.score or 0.0), line.step))[:top]


def print_steps(console: Console, lines: Sequence[StepLine], folder: str) -> None:
    """Print steps, one a line, the reason beside or below."""
    if not lines:
        console.print("No step is like that.")
        return
    rows = [
        (
            str(line.step),
            line.result.replace("_", " "),
            "-" if line.score is None else f"{line.score:.2f}",
            str(line.parent_id),
            one_line(line.kind),
            one_line(line.mutator),
        )
        for line in lines
    ]
    names = ("step", "result", "train", "from", "kind", "by")
    wide = sum(2 + max(len(cell) for cell in column) for column in zip(names, *rows, strict=True))
    beside = console.width - wide >= ROOM_FOR_REASON
    table = plain_table()
    table.padding = (0, 1)
    for name in names:
        right = name in ("step", "train", "from")
        table.add_column(name, justify="right" if right else "left", no_wrap=right or name == "result", overflow="fold")
    if beside:
        table.add_column("why", overflow="fold")
    for line, row in zip(lines, rows, strict=True):
        style = "" if line.is_sound else "yellow"
        table.add_row(*row, *([Text(one_line(line.reason), style="dim")] if beside else []), style=style)
    console.print(table)
    if not beside:
        for line in lines:
            if line.reason:
                console.print(f"step {line.step}: {one_line(line.reason)}", style="dim")
    console.print(f"one of them, with its answer: evolve show {folder} STEP --answer", style="dim", soft_wrap=True)


def step_document(selection: Selection, call: ModelCall | None) -> dict[str, Any]:
    """Return the facts of a step that made no program."""
    return {"step": selection.step, "selection": selection._asdict(), "model_call": call and call_document(call)}


def call_document(call: ModelCall) -> dict[str, Any]:
    """Return the facts of a model call, with prompt and answer."""
    return {
        "model": call.model,
        "kind": call.kind,
        "status": call.status,
        "error": call.error,
        "prompt_tokens": call.prompt_tokens,
        "cached_tokens": call.cached_tokens,
        "completion_tokens": call.completion_tokens,
        "reasoning_tokens": call.reasoning_tokens,
        "wasted_tokens": call.wasted_tokens,
        "tokens_estimated": call.tokens_estimated,
        "cost_usd": call.cost_usd,
        "latency_s": call.latency_s,
        "attempts": call.attempts,
        "system": call.system,
        "prompt": call.prompt,
        "answer": call.answer,
    }


def selection_facts(selection: Selection, call: ModelCall | None) -> dict[str, str]:
    """Return why a step took its parent and what its call cost, in words."""
    facts = {"why this parent": f"{selection.reason} (place {selection.place}, knew of event {selection.known})"}
    if selection.inspirations:
        facts["inspired by"] = ", ".join(str(id) for id in selection.inspirations)
    if call is not None:
        cost = "price unknown" if call.cost_usd is None else usd_text(call.cost_usd)
        tokens = f"{call.prompt_tokens} + {call.completion_tokens} tokens"
        facts["model call"] = f"{call.status}: {cost}, {tokens}, {duration_text(call.latency_s)}"
        if call.error:
            facts["its error"] = call.error
    return facts


def result_of(selection: Selection) -> str:
    """Return what became of a step that made no program, and why."""
    if selection.fate is None:
        return "under way"
    return selection.fate.value.replace("_", " ") + (f": {selection.note}" if selection.note else "")


def print_call(console: Console, call: ModelCall | None, prompt: bool, answer: bool) -> None:
    """Print the whole prompt or the whole answer of a step."""
    if call is None:
        console.print("No model was asked: the built-in mutator made this step, or a person wrote the program.")
        return
    texts = [("system", call.system), ("prompt", call.prompt)] if prompt else []
    texts += [("answer", call.answer or f"none: {call.error or call.status}")] if answer else []
    for name, text in texts:
        console.rule(Text(name, style="bold"), align="left", characters="-")
        console.print(visible(text).rstrip(), soft_wrap=True)
