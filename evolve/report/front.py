"""The programs of a run that none beats in all of its objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evolve.archive import Role, Store
from evolve.objectives import Objective, hypervolume, non_dominated, oriented


@dataclass(frozen=True)
class Front:
    """The front on train.

    rows: (program, score, its figure for each objective), best in the first objective first.
    covered: share of the box between the seed and the best figure of each objective that the front dominates, 0..1;
        None where no program is better than the seed in some objective.
    """

    objectives: tuple[Objective, ...]
    rows: tuple[tuple[int, float, tuple[float, ...]], ...]
    covered: float | None


def front_of(store: Store, objectives: Sequence[Objective]) -> Front | None:
    """Return the front of a run; None where it has no objectives but the score, or no program yet."""
    if not objectives:
        return None
    points, scores = {}, {}
    for program in store.programs():
        point = oriented(objectives, program.metrics, program.score)
        if point and program.role is not Role.BASELINE and program.score is not None:
            points[program.id], scores[program.id] = point, program.score
    if 0 not in points:
        return None
    ids = non_dominated(points)
    best = [max(column) for column in zip(*points.values(), strict=True)]
    spans = [top - own for top, own in zip(best, points[0], strict=True)]
    covered = None
    if all(span > 0 for span in spans):
        scaled = [
            tuple((value - own) / span for value, own, span in zip(points[id], points[0], spans, strict=True))
            for id in ids
        ]
        covered = hypervolume(scaled, (0.0,) * len(spans))
    signs = [1.0 if one.direction == "max" else -1.0 for one in objectives]
    rows = ((id, scores[id], tuple(s * v for s, v in zip(signs, points[id], strict=True))) for id in ids)
    return Front(tuple(objectives), tuple(rows), covered)
