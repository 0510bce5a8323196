"""What a prompt tells, and what it leaves out first when it is too long."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from evolve.line_diff import unified_diff
from evolve.mutate.answers.evolve_block import editable_lines
from evolve.mutate.answers.own_words import IDEA_CHARS
from evolve.mutate.mutation import Attempt, Example, Kind, Request
from evolve.mutate.prompts.quoting import excerpt, one_line, printable

BY_EDITS = frozenset({Kind.EDIT, Kind.REPAIR})
"""Kinds that ask for SEARCH/REPLACE edits; the others ask for a whole program."""
BASELINE_COLUMNS = 2
WORST_SHOWN = 3
FEEDBACK_CHARS = 1_200
LINE_CHARS = 300
DETAIL_CHARS = 1_500


@dataclass(frozen=True)
class Shown:
    """How much of each part a prompt holds. Defaults: the most that it ever does."""

    attempts: int = 12
    inspirations: int = 8
    ancestor: int = 1
    details: int = 4
    insights: int = 30
    feedback: int = WORST_SHOWN
    rows: int = 40
    taken: int = 20
    pairs: int = 8


_DROPPED = (
    ("attempts", 5),
    ("inspirations", 1),
    ("details", 1),
    ("insights", 8),
    ("feedback", 1),
    ("rows", 8),
    ("inspirations", 0),
    ("details", 0),
    ("ancestor", 0),
    ("taken", 6),
    ("pairs", 1),
    ("attempts", 0),
    ("insights", 0),
    ("rows", 0),
    ("taken", 0),
)
"""What is left out, one piece after another, and down to how many: the least useful first.

Old attempts, the last inspirations, details of old insights, old insights, feedback of the better instances, instances
on which the parent does well. The statement, the parent, the second parent and the feedback of the worst instance stay.
"""


def shorter(request: Request) -> list[Shown]:
    """Return how much to tell, from everything there is to the least."""
    shown = Shown(
        attempts=min(Shown.attempts, len(request.attempts)),
        inspirations=min(Shown.inspirations, len(_inspirations(request))),
        details=min(Shown.details, len(request.related)),
        insights=min(Shown.insights, len(request.insights)),
        rows=min(Shown.rows, len(request.parent.instances)),
        taken=min(Shown.taken, len(request.taken)),
        pairs=min(Shown.pairs, len(request.subjects)),
    )
    steps = [shown]
    for part, least in _DROPPED:
        while getattr(shown, part) > least:
            shown = replace(shown, **{part: getattr(shown, part) - 1})
            steps.append(shown)
    return steps


def quoted_bytes(request: Request, shown: Shown) -> int:
    """Return a lower bound of what the programs take that a prompt quotes whole."""
    if request.kind is Kind.INSIGHT:
        return 0  # quotes what differs only
    others = _inspirations(request)[: shown.inspirations]
    ancestor = [request.subjects[0][0]] if request.kind is Kind.REPAIR and request.subjects and shown.ancestor else []
    return sum(len(example.source.rstrip()) for example in (request.parent, *others, *ancestor))


def task(request: Request, shown: Shown) -> dict[str, Any]:
    """Return what the templates of a system message and of task.j2 may use."""
    parent, kind = request.parent, request.kind
    content = _common(request, shown)
    crossed = kind is Kind.CROSSOVER and bool(request.inspirations)
    return content | {
        "details": _details(request, shown.details),
        "taken": [
            f"program {id}: {one_line(idea, IDEA_CHARS)}" for id, idea in request.taken[: shown.taken] if idea.strip()
        ],
        "inspirations": _inspirations(request)[: shown.inspirations],
        "ancestor": request.subjects[0][0] if kind is Kind.REPAIR and request.subjects and shown.ancestor else None,
        "second": request.inspirations[0] if crossed else None,
        "table": _table(request, shown.rows),
        "attempts": [_attempt(parent, a) for a in _last(request.attempts, shown.attempts)],
        "worst": _worst(parent, shown.feedback),
        "ahead": _ahead(request) if kind is Kind.SIMPLIFY else [],
        "size": _size(parent.source),
        "in_blocks": "EVOLVE-BLOCK-START" in parent.source and bool(editable_lines(parent.source.split("\n"))),
        "form": "edits" if kind in BY_EDITS else "program",
    }


def comparison(request: Request, shown: Shown) -> dict[str, Any]:
    """Return what the templates insight.j2 and comparison.j2 may use."""
    pairs = [_pair(before, after, shown.rows) for before, after in request.subjects[: shown.pairs]]
    return _common(request, shown) | {"pairs": pairs}


def _common(request: Request, shown: Shown) -> dict[str, Any]:
    return {
        "kind": request.kind.value,
        "evaluator": request.evaluator,
        "statement": request.statement,
        "defines": request.defines,
        "parent": request.parent,
        "baselines": [(name, baseline.score) for name, baseline in request.baselines],
        "insights": [
            f"insight {i.id}: {one_line(i.line, LINE_CHARS)}" for i in _last(request.insights, shown.insights)
        ],
    }


def _inspirations(request: Request) -> tuple[Example, ...]:
    """Return the programs shown for ideas: the second parent and the last sound ancestor have places of their own."""
    if request.kind is Kind.INSIGHT:
        return ()
    rest = request.inspirations[1:] if request.kind is Kind.CROSSOVER else request.inspirations
    elsewhere = {request.subjects[0][0].id} if request.kind is Kind.REPAIR and request.subjects else set()
    return tuple(example for example in rest if example.id not in elsewhere)


def _last(items: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    return items[len(items) - count :] if count < len(items) else items


def _details(request: Request, count: int) -> list[dict[str, Any]]:
    """Return the details of insights that concern the parent, the latest `count` of them."""
    related = [i for i in request.insights if i.id in request.related and i.detail.strip()]
    return [{"id": i.id, "detail": excerpt(i.detail, DETAIL_CHARS)} for i in _last(tuple(related), count)]


def _attempt(parent: Example, attempt: Attempt) -> str:
    """Return one attempt on one line: "17 edit: 45.20 (+3.70), the model's words"."""
    came = attempt.outcome if attempt.score is None else f"{attempt.score:.2f}"
    if attempt.score is not None and parent.score is not None:
        came += f" ({attempt.score - parent.score:+.2f})"
    note = one_line(attempt.note, IDEA_CHARS)
    return f"{attempt.id} {attempt.kind}: {came}{', ' + note if note else ''}"


# Figures per instance


def _table(request: Request, count: int) -> dict[str, Any] | None:
    """Return the parent's scores beside those of the best baselines, on the instances where it is furthest behind.

    The rows are in the order of the instances; None when the parent has no score on any.
    """
    scored = [*_scored(request.parent).items()]
    if not scored or count == 0:
        return None
    others = _scores(request)
    known = dict(others)
    if request.kind is Kind.CROSSOVER and request.inspirations:
        second = request.inspirations[0]
        known = {f"program {second.id}": _scored(second), **others}
    if len(scored) > count:
        behind = {name: _best(others, name, 0.0) - score for name, score in scored}
        furthest = set(sorted(behind, key=lambda name: -behind[name])[:count])
        rows = [(name, score) for name, score in scored if name in furthest]
    else:
        rows = scored
    return {
        "columns": [f"program {request.parent.id}", *(one_line(name, 60) for name in known)],
        "rows": [(_cell(name), [score, *(s.get(name) for s in known.values())]) for name, score in rows],
        "left_out": len(scored) - len(rows),
    }


def _scores(request: Request) -> dict[str, dict[str, float]]:
    """Return the scores per instance of the best baselines that have any, by baseline."""
    scores: dict[str, dict[str, float]] = {}
    for name, baseline in request.baselines:
        if len(scores) < BASELINE_COLUMNS and baseline.instances:
            scores[name] = _scored(baseline)
    return scores


def _scored(example: Example) -> dict[str, float]:
    return {name: score for name, score, _ in example.instances if score is not None}


def _best(others: Mapping[str, Mapping[str, float]], instance: str, otherwise: float) -> float:
    return max((scores[instance] for scores in others.values() if instance in scores), default=otherwise)


def _ahead(request: Request) -> list[tuple[str, float]]:
    """Return on which instances the parent is ahead of every baseline, and by how many points; the most first."""
    others = _scores(request)
    if not others:
        return []
    ahead = [
        (_cell(name), score - _best(others, name, math.inf))
        for name, score, _ in request.parent.instances
        if score is not None and score > _best(others, name, math.inf)
    ]
    return sorted(ahead, key=lambda entry: -entry[1])[:5]


def _worst(example: Example, count: int) -> list[tuple[str, float | None, str]]:
    """Return the instances to learn from, worst first: a failed one before any score."""
    told = [(name, score, feedback) for name, score, feedback in example.instances if feedback.strip()]
    told.sort(key=lambda entry: -math.inf if entry[1] is None else entry[1])
    return [(_cell(name), score, excerpt(feedback, FEEDBACK_CHARS)) for name, score, feedback in told[:count]]


def _cell(name: str) -> str:
    return one_line(name.replace("|", "/").replace("`", "'"), 120)


def _size(source: str) -> dict[str, int]:
    lines = [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {"lines": len(lines), "bytes": len(source.encode("utf-8", "replace"))}


# What a change did


def _pair(before: Example, after: Example, rows: int) -> dict[str, Any]:
    """Return two programs, what differs between them and what came of it, the greatest changes first."""
    changes = list(_changes(before, after))
    changes.sort(key=lambda row: (row[3] is not None, -abs(row[3] or 0.0)))
    failed = next((text for _, score, text in after.instances if score is None and text.strip()), "")
    return {
        "before": before,
        "after": after,
        "diff": _diff(before.source, after.source),
        "rows": changes[: max(3, min(rows, 12))],
        "failure": excerpt(failed, FEEDBACK_CHARS) if after.score is None else "",
    }


def _changes(before: Example, after: Example) -> Iterator[tuple[str, float | None, float | None, float | None]]:
    """Yield (instance, score before, score after, change) of each instance that both were run on."""
    old = {name: score for name, score, _ in before.instances}
    for name, score, _ in after.instances:
        if name in old:
            known = old[name]
            yield _cell(name), known, score, None if known is None or score is None else score - known


def _diff(before: str, after: str) -> str:
    """Return what differs, whole lines with three lines around them; "" where the program itself is shorter."""
    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), "before", "after")
    diff = "\n".join(line.rstrip("\n") for line in lines)
    return printable(diff) if len(diff) < len(before) + len(after) else ""
