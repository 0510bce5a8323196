"""What a prompt tells, and what it leaves out first when it is too long."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from evolve.line_diff import unified_diff
from evolve.mutate.answers.evolve_block import editable_lines
from evolve.mutate.answers.own_words import IDEA_CHARS
from evolve.mutate.mutation import Attempt, Example, Kind, Request
from evolve.mutate.prompts.chance import chance, change
from evolve.mutate.prompts.instances import (
    FEEDBACK_CHARS,
    LEADS_NAMED,
    ROWS,
    ahead,
    cell,
    feedback,
    leads,
    slowest,
    standings,
    table,
    worth,
)
from evolve.mutate.prompts.quoting import excerpt, one_line, printable
from evolve.mutate.prompts.scale import Scale, scale_of
from evolve.mutate.source import tree_of

BY_EDITS = frozenset({Kind.EDIT, Kind.REPAIR})
"""Kinds that ask for SEARCH/REPLACE edits; the others ask for a whole program."""
WORST_SHOWN = 3
LINE_CHARS = 300
DETAIL_CHARS = 1_500
METHOD_CHARS = 200
OUTCOMES = {
    "outrun": "stopped early, too far behind",
    "duplicate": "the same as another program",
    "near_duplicate": "nearly the same as another program",
    "parse_error": "the answer could not be used",
    "no_change": "nothing was changed, on purpose",
    "call_error": "no answer",
}
CPU_TOLD = 0.02
"""Share of the CPU limit below which a program's use is told in a word: it differs a little from run to run."""
CPU_NEAR = 0.5


@dataclass(frozen=True)
class Shown:
    """How much of each part a prompt holds. Defaults: the most that it ever does."""

    attempts: int = 12
    inspirations: int = 8
    ancestor: int = 1
    details: int = 4
    insights: int = 30
    feedback: int = WORST_SHOWN
    rows: int = ROWS
    taken: int = 8
    tried: int = 16
    worth: int = 1
    pairs: int = 8


_DROPPED = (
    ("attempts", 5),
    ("inspirations", 1),
    ("details", 1),
    ("tried", 6),
    ("insights", 8),
    ("feedback", 1),
    ("rows", 8),
    ("inspirations", 0),
    ("details", 0),
    ("ancestor", 0),
    ("taken", 4),
    ("pairs", 1),
    ("attempts", 0),
    ("tried", 0),
    ("insights", 0),
    ("worth", 0),
    ("rows", 0),
    ("taken", 0),
)
"""What is left out, one piece after another, and down to how many: the least useful first.

Old attempts, the last inspirations, details of old insights, old failures elsewhere, old insights, feedback of the
better instances, instances on which the parent does well. The statement, the parent, the second parent and the feedback
of the most telling instance stay.
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
        tried=min(Shown.tried, len(request.tried)),
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


def task(request: Request, shown: Shown, scale: Scale | None = None) -> dict[str, Any]:
    """Return what the templates of a kind and task.j2 may use. scale: of the baselines; None: worked out here."""
    parent, kind = request.parent, request.kind
    scale = scale_of([example for _, example in request.baselines]) if scale is None else scale
    content = _common(request, shown, scale)
    told = standings(request, scale)
    crossed = kind is Kind.CROSSOVER and bool(request.inspirations)
    lean = functools.partial(_lean, constants=scale.constants)
    # Who repairs a program keeps its idea: those of others are of no use there.
    tried = () if kind is Kind.REPAIR else _last(request.tried, shown.tried)
    taken = [a for a in request.taken[: shown.taken] if a.idea.strip() and kind is not Kind.REPAIR]
    above = {attempt.id for attempt in (*tried, *taken)}
    return content | {
        "details": _details(request, shown.details),
        "tried": [_elsewhere(attempt, request.leaders) for attempt in tried],
        "taken": [_elsewhere(attempt, request.leaders) for attempt in taken],
        "inspirations": [
            (lean(e), leads(parent, e), _cpu(e, request.cpu_limit_s))
            for e in _inspirations(request)[: shown.inspirations]
        ],
        "ancestor": lean(request.subjects[0][0])
        if kind is Kind.REPAIR and request.subjects and shown.ancestor
        else None,
        "second": lean(request.inspirations[0]) if crossed else None,
        "table": table(request, scale, told, shown.rows),
        "chance": chance(request),
        "attempts": [_attempt(a, a.id in above) for a in _last(request.attempts, shown.attempts)],
        "flying": [f"step {step} ({kind})" for step, kind in request.flying],
        "worst": feedback(request, told, shown.feedback),
        "ahead": ahead(request, told) if kind is Kind.SIMPLIFY else [],
        "cpu": _cpu(parent, request.cpu_limit_s) if parent.score is not None or parent.status == "timeout" else "",
        "best": request.best if request.best is not None and request.best[0] != parent.id else None,
        "size": _size(parent.source),
        "stalled": one_line(request.stalled, LINE_CHARS),
        "in_blocks": "EVOLVE-BLOCK-START" in parent.source and bool(editable_lines(parent.source.split("\n"))),
    }


def comparison(request: Request, shown: Shown, scale: Scale | None = None) -> dict[str, Any]:
    """Return what the templates insight.j2 and comparison.j2 may use."""
    scale = scale_of([example for _, example in request.baselines]) if scale is None else scale
    pairs = [_pair(before, after, shown.rows, scale) for before, after in request.subjects[: shown.pairs]]
    return _common(request, shown, scale) | {
        "pairs": pairs,
        "stalled": bool(pairs) and not any(_is_better(*pair) for pair in request.subjects),
    }


def _common(request: Request, shown: Shown, scale: Scale) -> dict[str, Any]:
    about = worth(request, scale)
    return {
        "kind": request.kind.value,
        "evaluator": request.evaluator,
        "statement": request.statement,
        "defines": request.defines,
        "language": request.language,
        "score_means": request.score_means,
        "parent": _lean(request.parent, scale.constants),
        "baselines": [(one_line(name, 60), b.score, method(b.source)) for name, b in request.baselines],
        "worth": about if shown.worth else about | {"table": None},
        "insights": [
            f"insight {i.id}: {one_line(i.line, LINE_CHARS)}" for i in _last(request.insights, shown.insights)
        ],
    }


@functools.lru_cache(maxsize=64)
def method(source: str) -> str:
    """Return the first sentence of a program's docstring, which says what it does; "" where there is none."""
    try:
        words = ast.get_docstring(tree_of(source)) or ""
    except (SyntaxError, RecursionError):
        return ""
    return one_line(words.partition("\n\n")[0], METHOD_CHARS)


def _lean(example: Example, constants: frozenset[str]) -> Example:
    """Return a program without the metrics that are the same for every program."""
    return replace(example, metrics={name: v for name, v in example.metrics.items() if name not in constants})


def _is_better(before: Example, after: Example) -> bool:
    return after.score is not None and (before.score is None or after.score > before.score)


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


def _attempt(attempt: Attempt, is_above: bool) -> str:
    """Return one attempt on one line: "17 edit: 45.20 (+3.70), the model's words".

    is_above: a list has told why it failed and its author's idea.
    """
    told = f"{_figures(attempt)}, idea above" if is_above else _came_to(attempt)
    return f"{attempt.id} {attempt.kind}: {told}"


def _elsewhere(attempt: Attempt, leaders: Mapping[str, tuple[int, float]]) -> str:
    """Return one attempt from another program on one line: "17, edit of 4: 45.20 (+3.70), the model's words".

    A program may score less in the mean, and be the best of the run somewhere.
    """
    leads_on = [cell(name) for name, (id, _) in leaders.items() if id == attempt.id]
    more = f" and {len(leads_on) - LEADS_NAMED} more" if len(leads_on) > LEADS_NAMED else ""
    best = f", best of all on {', '.join(leads_on[:LEADS_NAMED])}{more}" if leads_on else ""
    return f"{attempt.id}, {attempt.kind} of {attempt.parent}: {_came_to(attempt, best)}"


def _figures(attempt: Attempt) -> str:
    """Return what an attempt scored, and by how much more than its parent; or what became of it."""
    came = OUTCOMES.get(attempt.outcome, attempt.outcome) if attempt.score is None else f"{attempt.score:.2f}"
    return came if attempt.gain is None else f"{came} ({change(attempt.gain)})"


def _came_to(attempt: Attempt, besides: str = "") -> str:
    came = _figures(attempt) + besides
    said = [one_line(words, IDEA_CHARS) for words in (attempt.note, attempt.idea)]
    return ", ".join([came, " / ".join(filter(None, said))]) if any(said) else came


def _cpu(example: Example, limit_s: float | None) -> str:
    """Return what a program takes of the CPU limit where it takes most; "" where that is not known."""
    most = slowest(example)
    if most is None or limit_s is None:
        return ""
    name, used_s = most
    if used_s < CPU_TOLD * limit_s:
        return f"CPU: under {CPU_TOLD * limit_s:g} s of {limit_s:g} s on each instance."
    digits = 1 if used_s < 0.1 * limit_s else 2
    told = f"CPU: {used_s:.{digits}g} s of {limit_s:g} s on its slowest instance, {cell(name)}"
    if used_s > CPU_NEAR * limit_s:
        told += ": above half of the limit, a slower machine may end it"
    return f"{told}."


def _size(source: str) -> dict[str, int]:
    """Return how long the part of a program is that may be changed."""
    lines = source.splitlines()
    blocks = editable_lines(lines)
    inside = [line for block in blocks for line in lines[block.start : block.stop]] if blocks else lines
    code = [line for line in inside if line.strip() and not line.lstrip().startswith("#")]
    return {"lines": len(code), "bytes": len("\n".join(inside).encode("utf-8", "replace"))}


# What a change did


def _pair(before: Example, after: Example, rows: int, scale: Scale) -> dict[str, Any]:
    """Return two programs, what differs between them and what came of it, the greatest changes first."""
    changes = list(_changes(before, after))
    changes.sort(key=lambda row: (row[3] is not None, -abs(row[3] or 0.0)))
    failed = next((text for _, score, text in after.instances if score is None and text.strip()), "")
    return {
        "before": _lean(before, scale.constants),
        "after": _lean(after, scale.constants),
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
            yield cell(name), known, score, None if known is None or score is None else score - known


def _diff(before: str, after: str) -> str:
    """Return what differs, whole lines with three lines around them; "" where the program itself is shorter."""
    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), "before", "after")
    diff = "\n".join(line.rstrip("\n") for line in lines)
    return printable(diff) if len(diff) < len(before) + len(after) else ""
