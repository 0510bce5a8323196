"""What a prompt tells of the train instances: what each is worth, where a program stands, and which say most of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evolve.evaluator import mean
from evolve.mutate.mutation import Example, Request
from evolve.mutate.prompts.quoting import excerpt, one_line
from evolve.mutate.prompts.scale import Scale

BASELINE_COLUMNS = 2
ROWS = 40
"""Of a table: of more instances, those are told that say most."""
LEAST = 0.05
"""Points that are no difference: some scores are timed."""
ROOM_SHARE = 0.1
FEEDBACK_CHARS = 1_200
LEADS_NAMED = 4
KIND_CHARS = 40
CPU_MATTERS = 0.1
"""Share of the CPU limit from which on what a program takes is told of each instance."""


@dataclass(frozen=True)
class Standing:
    """Where a program stands on one instance.

    best: the most points that a baseline or another program of the run has; None where there is none.
    gap: points behind it, 0 for who leads.  weight: 0..1, less where the spread is small.
    room: points below the ceiling, or below 100.
    """

    name: str
    score: float | None
    feedback: str
    figure: float | None
    known: float | None
    best: float | None
    gap: float
    room: float
    weight: float


def standings(request: Request, scale: Scale) -> list[Standing]:
    """Return where the parent stands, the most telling instance first.

    Failures come first, then what the search wants to be shown; then what it is behind by, in points, and a tenth of
    the room above it, since that may be of nobody's reach; both count less where the spread is small.
    """
    parent, known = request.parent, known_best(request)
    found = []
    for (name, score, feedback), figures in zip(
        parent.instances, [*parent.figures, *[{}] * len(parent.instances)], strict=False
    ):
        mark = scale.marks.get(name)
        leader = request.leaders.get(name)
        others = [known[name]] if name in known else []
        others += [leader[1]] if leader is not None and leader[0] != parent.id else []
        best = max(others, default=None)
        top = 100.0 if mark is None or mark.ceiling is None else mark.ceiling
        found.append(
            Standing(
                name=name,
                score=score,
                feedback=feedback,
                figure=None if mark is None else figures.get(mark.figure),
                known=known.get(name),
                best=best,
                gap=0.0 if score is None or best is None else max(0.0, best - score),
                room=0.0 if score is None else max(0.0, top - score),
                weight=scale.weight(name),
            )
        )
    wanted = {parent.instances[place][0] for place in request.show if place < len(parent.instances)}
    return sorted(
        found,
        key=lambda s: (s.score is not None, s.name not in wanted, -(s.gap + ROOM_SHARE * s.room) * s.weight),
    )


def known_best(request: Request) -> dict[str, float]:
    """Return the best score of any baseline, by instance."""
    best: dict[str, float] = {}
    for _, baseline in request.baselines:
        for name, score, _ in baseline.instances:
            if score is not None and score > best.get(name, -math.inf):
                best[name] = score
    return best


# What stays the same over a run


def worth(request: Request, scale: Scale) -> dict[str, Any]:
    """Return what there is to know of the instances before any program of the run, the same at every step.

    table: of each instance its figure at 0 and at 100 points, the ceiling, and the scores of the best baselines; None
    where nothing is known, or there are too many.  figure: what is scored, where it is the same everywhere.
    ceiling: mean points that no program can exceed, where it is known of each instance; is_optimum: it is 100 on all.
    is_reached: known programs reach it everywhere.  best: the mean of the best of them.
    """
    first = next((b for _, b in request.baselines if b.instances), None)
    names = [name for name, _, _ in first.instances] if first is not None else []
    marks = [scale.marks.get(name) for name in names]
    ceilings = [mark.ceiling for mark in marks if mark is not None and mark.ceiling is not None]
    is_known = bool(names) and len(ceilings) == len(names)
    is_optimum = is_known and all(abs(ceiling - 100.0) < LEAST for ceiling in ceilings)
    figures = {mark.figure for mark in marks if mark is not None}
    known = known_best(request)
    tops = {name: mark.ceiling for name, mark in scale.marks.items() if mark.ceiling is not None}
    # One that scores 0 everywhere is what "0 points" says already.
    telling = [
        (name, b) for name, b in request.baselines if any(abs(score or 0.0) > LEAST for _, score, _ in b.instances)
    ]
    shown = telling[:BASELINE_COLUMNS]
    columns = ["0 points at", "100 points at"] if figures else []
    columns += ["bound"] if ceilings and not is_optimum else []
    rows = []
    for name, mark in zip(names, marks, strict=True):
        cells = []
        if figures:
            unit = f" {mark.figure}" if mark is not None and len(figures) > 1 else ""
            cells += ["-", "-"] if mark is None else [f"{mark.zero:.5g}{unit}", f"{mark.hundred:.5g}{unit}"]
        if "bound" in columns:
            cells.append(_points(None if mark is None else mark.ceiling))
        scores = [{id: score for id, score, _ in b.instances}.get(name) for _, b in shown]
        rows.append((labelled(request, name), [*cells, *map(_points, scores)]))
    return {
        "count": len(names),
        "figure": next(iter(figures)) if len(figures) == 1 else "",
        "ceiling": mean(ceilings) if is_known and not is_optimum else None,
        "is_optimum": is_optimum,
        "is_reached": is_known and all(known.get(name, -math.inf) > tops[name] - LEAST for name in names),
        "best": None if first is None else first.score,
        "table": {"columns": [*columns, *(one_line(name, 60) for name, _ in shown)], "rows": rows}
        if 0 < len(rows) <= ROWS and (columns or shown)
        else None,
    }


# Where the parent stands


def table(request: Request, scale: Scale, told: Sequence[Standing], count: int) -> dict[str, Any] | None:
    """Return the parent's figures and scores beside the best ones, the most telling instances first.

    None where it has no score, and where the table would say nothing new: it has 0 points everywhere, as what the
    instances are worth tells already, and no other program of the run has more.
    """
    scored = [standing for standing in told if standing.score is not None][:count]
    others_lead = any(leader[0] != request.parent.id for leader in request.leaders.values())
    if not scored or (scale.marks and not others_lead and all(abs(s.score or 0.0) < LEAST for s in told)):
        return None
    figures = {scale.marks[s.name].figure for s in scored if s.figure is not None}
    second = request.inspirations[0] if request.kind == "crossover" and request.inspirations else None
    others = {} if second is None else {name: score for name, score, _ in second.instances}
    columns = [next(iter(figures)) if len(figures) == 1 else "figure"] if figures else []
    columns.append(f"program {request.parent.id}")
    columns += [f"program {second.id}"] if second is not None else []
    has_known, has_leaders = any(s.known is not None for s in scored), others_lead
    columns += ["best known program"] if has_known else []
    columns += ["best of this run"] if has_leaders else []
    cpu_s = telling_cpu_s(request)
    columns += ["CPU s"] if cpu_s else []
    rows = []
    for standing in scored:
        cells = [] if not figures else ["-" if standing.figure is None else f"{standing.figure:.6g}"]
        cells.append(_points(standing.score))
        cells += [_points(others.get(standing.name))] if second is not None else []
        cells += [_points(standing.known)] if has_known else []
        cells += [_leader(request, standing)] if has_leaders else []
        cells += [_seconds(request, cpu_s.get(standing.name))] if cpu_s else []
        rows.append((labelled(request, standing.name), cells))
    all_scored = sum(standing.score is not None for standing in told)
    return {"columns": columns, "rows": rows, "left_out": all_scored - len(rows)}


def _leader(request: Request, standing: Standing) -> str:
    leader = request.leaders.get(standing.name)
    if leader is None:
        return "-"
    return "this one" if leader[0] == request.parent.id else f"{leader[1]:.2f} (program {leader[0]})"


def feedback(request: Request, told: Sequence[Standing], count: int) -> list[tuple[str, float | None, str]]:
    """Return (instance, score, what the verifier says) of the most telling instance, and of others by turns.

    Who is asked for the next change of one program is shown other cases than who was asked before, of the half of them
    that tells most.
    """
    saying = [standing for standing in told if standing.feedback.strip()]
    if not saying or count == 0:
        return []
    first, rest = saying[0], saying[1:]
    behind = [standing for standing in rest if standing.score is None or standing.gap > LEAST]
    pool = (behind if len(behind) >= count else rest)[: max(2 * (count - 1), (len(rest) + 1) // 2)]
    shown = request.turn * (count - 1)
    start = (shown + shown // len(pool)) % len(pool) if pool else 0  # another pairing on every round
    chosen = [first, *[*pool[start:], *pool[:start]][: count - 1]]
    return [(labelled(request, s.name), s.score, excerpt(s.feedback, FEEDBACK_CHARS)) for s in chosen]


def ahead(request: Request, told: Sequence[Standing]) -> list[tuple[str, float]]:
    """Return on which instances the parent is ahead of every baseline, and by how many points; the most first."""
    leads = [(cell(s.name), s.score - s.known) for s in told if s.score is not None and s.known is not None]
    return sorted([lead for lead in leads if lead[1] > 0], key=lambda lead: -lead[1])[:5]


def leads(parent: Example, other: Example) -> str:
    """Return where another program is ahead of the parent: "train/3 (+12.0), train/7 (+3.1) and 4 more"; or ""."""
    gains = sorted(_gains(parent, other), key=lambda gain: -gain[1])
    named = ", ".join(f"{cell(name)} ({gain:+.1f})" for name, gain in gains[:LEADS_NAMED])
    more = len(gains) - LEADS_NAMED
    return f"{named} and {more} more" if more > 0 else named


def _gains(parent: Example, other: Example) -> Iterator[tuple[str, float]]:
    own: Mapping[str, float | None] = {name: score for name, score, _ in parent.instances}
    for name, score, _ in other.instances:
        before = own.get(name)
        if score is not None and before is not None and score - before > LEAST:
            yield name, score - before


def slowest(example: Example) -> tuple[str, float] | None:
    """Return the instance that took most CPU, and how many seconds; None where that is not known."""
    timed = [(name, s) for (name, _, _), s in zip(example.instances, example.cpu_s, strict=False)]
    return max(timed, key=lambda entry: entry[1], default=None)


def telling_cpu_s(request: Request) -> dict[str, float]:
    """Return the CPU seconds of the parent on each instance where they matter: near the limit, or in the score."""
    limit_s, parent = request.cpu_limit_s, request.parent
    least_s = 0.0 if request.cpu_counts else math.inf if limit_s is None else CPU_MATTERS * limit_s
    timed = zip(parent.instances, parent.cpu_s, strict=False)
    return {name: used_s for (name, _, _), used_s in timed if used_s > least_s}


def _seconds(request: Request, used_s: float | None) -> str:
    if used_s is not None:
        return f"{used_s:.2g}"
    return "-" if request.cpu_counts or request.cpu_limit_s is None else f"< {CPU_MATTERS * request.cpu_limit_s:g}"


def labelled(request: Request, name: str) -> str:
    """Return an instance's name with what sort it is, where the problem has several: "train/3 (films)"."""
    kind = one_line(request.kinds.get(name, ""), KIND_CHARS)
    return cell(f"{name} ({kind})" if kind else name)


def cell(name: str) -> str:
    """Return an instance's name as it stands in a table and in a sentence."""
    return one_line(name.replace("|", "/").replace("`", "'"), 120)


def _points(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"
