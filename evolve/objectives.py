"""Several objectives besides the score: which programs nobody beats in all of them, and how much they cover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Objective", "Point", "dominates", "hypervolume", "non_dominated", "oriented"]

Point: TypeAlias = tuple[float, ...]
"""One figure for each objective, turned so that more is better."""


@dataclass(frozen=True)
class Objective:
    """A figure that a program is to have low or high. metric: its name among the metrics, or "score"."""

    metric: str
    direction: Literal["min", "max"]
    unit: str = ""


def oriented(objectives: Iterable[Objective], metrics: Mapping[str, float], score: float | None) -> Point:
    """Return a program's point; empty where it lacks a figure, as one that failed does."""
    if score is None:
        return ()
    figures = {"score": score} | dict(metrics)
    wanted = [(figures.get(one.metric), 1.0 if one.direction == "max" else -1.0) for one in objectives]
    return tuple(sign * value for value, sign in wanted if value is not None) if all(
        value is not None for value, _ in wanted
    ) else ()  # fmt: skip


def dominates(one: Point, other: Point) -> bool:
    """Return whether a point is as good in all objectives and better in one."""
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def non_dominated(points: Mapping[int, Point]) -> list[int]:
    """Return whom nobody dominates; of equal ones the first. In the order of the first objective, the best first."""
    kept: list[int] = []
    for id in sorted(points, key=lambda id: (tuple(-value for value in points[id]), id)):
        if not any(points[other] == points[id] or dominates(points[other], points[id]) for other in kept):
            kept.append(id)
    return kept


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the volume that points dominate above a reference, in the product of the objectives' units.

    By slicing along the last objective (HSO, While et al. 2006, IEEE Trans. Evol. Comput. 10(1)): exponential in the
    number of objectives, which are few.
    """
    above = [point for point in points if all(value > least for value, least in zip(point, reference, strict=True))]
    if not above:
        return 0.0
    if len(reference) == 1:
        return max(point[0] for point in above) - reference[0]
    volume = 0.0
    above.sort(key=lambda point: -point[-1])
    for place, point in enumerate(above):
        lower = above[place + 1][-1] if place + 1 < len(above) else reference[-1]
        if point[-1] > lower:
            volume += (point[-1] - lower) * hypervolume([one[:-1] for one in above[: place + 1]], reference[:-1])
    return volume
