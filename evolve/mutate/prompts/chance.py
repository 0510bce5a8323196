"""Which differences between programs may be chance: they are scored on a few instances out of many there could be."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from evolve.intervals import FEWEST, Lead, paired_lead
from evolve.mutate.mutation import Example, Kind, Request
from evolve.mutate.prompts.quoting import one_line

COMPARED = 8
"""Programs that are told of at most."""
CHANGE_DIGITS = 2


def chance(request: Request) -> str:
    """Return in one line by how much others differ from the parent in the mean, and how sure that is; "" for none.

    By the paired bootstrap over instances, which also says which finalists are level when a run chooses its winner.
    """
    parent = request.parent
    if parent.score is None or not parent.source or request.kind is Kind.REPAIR:
        return ""
    count = sum(score is not None for _, score, _ in parent.instances)
    leads = [(name, lead) for name, lead in _leads(request) if lead is not None and lead.count == count]
    if not leads or count == 1:  # there is nothing to compare, or no other instance is meant
        return ""
    if (
        request.baselines
        and [name for name, _ in leads] == [one_line(request.baselines[0][0], 60)]
        and leads[0][1].is_certain
    ):
        return ""  # the best known program is ahead, as the table says
    if count < FEWEST:
        return f"{count} train instances are too few to tell programs apart for certain: a difference is a hint only."
    named = "; ".join(f"{name} {_interval(lead)}" for name, lead in leads[:COMPARED])
    return (
        f"Differences in the mean from program {parent.id}, in brackets the range on other instances of the kind "
        f"(95 %, paired bootstrap over {count} train instances): {named}. Where the range holds 0, it may be chance."
    )


def change(points: float) -> str:
    """Return a difference with its sign: two decimals, or one digit of what would round to none."""
    return f"{points:+.{CHANGE_DIGITS}f}" if points == 0 or abs(points) >= 0.005 else f"{points:+.1g}"


def _leads(request: Request) -> Iterator[tuple[str, Lead | None]]:
    """Yield (program, its lead over the parent): what was made of it, the latest first, who is shown, the best."""
    own, seen = request.measured.get(request.parent.id, {}), {request.parent.id}
    wanted = [attempt.id for attempt in reversed(request.attempts) if attempt.score is not None][: COMPARED // 2]
    wanted += [] if request.best is None else [request.best[0]]
    for id in wanted:
        if id in request.measured and id not in seen and own:
            seen.add(id)
            yield f"program {id}", _lead(request.measured[id], own)
    others = [(f"program {example.id}", example) for example in request.inspirations]
    others += [(one_line(name, 60), example) for name, example in request.baselines[:1]]
    for name, example in others:
        if example.id not in seen and example.instances:
            seen.add(example.id)
            yield name, _lead(_scores(example), _scores(request.parent))


def _scores(example: Example) -> dict[str, float]:
    return {name: score for name, score, _ in example.instances if score is not None}


def _lead(one: Mapping[str, float], other: Mapping[str, float]) -> Lead | None:
    shared = [name for name in one if name in other]
    return _paired(tuple(one[name] for name in shared), tuple(other[name] for name in shared))


@functools.lru_cache(maxsize=1_024)
def _paired(one: tuple[float, ...], other: tuple[float, ...]) -> Lead | None:
    """Return `paired_lead` of scores on the same instances; the same pair is told of in many prompts of a run."""
    return paired_lead(
        {str(place): score for place, score in enumerate(one)}, {str(place): score for place, score in enumerate(other)}
    )


def _interval(lead: Lead) -> str:
    if lead.mean == lead.low == lead.high:
        return change(lead.mean)
    return f"{change(lead.mean)} ({change(lead.low)} to {change(lead.high)})"
