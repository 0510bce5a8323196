"""What a point is worth on each instance, worked out from programs that were measured there: no problem declares it.

Most verifiers score an instance by a line through two known values of one raw figure (`relative_score`). Which figure,
and what it is at 0 and at 100 points, follows from a few measured programs; where none fits all of them, none is told.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evolve.mutate.mutation import Example

TOLERANCE = 1.0
"""Points by which a program may be off the line: some scores charge a little for CPU time besides."""
FLOOR = -99.99
"""At and below it a score is cut off, and off the line."""
BOUNDS = ("bound_", "optimum_")
"""How the name of a metric begins that no program can be better than."""
MOST_POINTS = 1_000.0


@dataclass(frozen=True)
class Mark:
    """One instance.

    figure: the metric that is scored.  zero, hundred: its value at 0 and at 100 points.
    ceiling: points that no program can exceed; None where nothing is known of it.
    """

    figure: str
    zero: float
    hundred: float
    ceiling: float | None = None

    @property
    def spread(self) -> float:
        """How much of the figure lies between 0 and 100 points."""
        return abs(self.hundred - self.zero)


@dataclass(frozen=True)
class Scale:
    """All instances. constants: metrics of the whole split that are the same for every program."""

    marks: Mapping[str, Mark]
    constants: frozenset[str] = frozenset()

    def weight(self, instance: str) -> float:
        """Return 0..1: an instance whose spread is below the median says the less of a program, the smaller it is.

        By the root of it: the score counts instances alike, a bill counts them by what they cost.
        """
        mark = self.marks.get(instance)
        return 1.0 if mark is None else math.sqrt(min(1.0, mark.spread / self._median[mark.figure]))

    @functools.cached_property
    def _median(self) -> dict[str, float]:
        of: dict[str, list[float]] = {}
        for mark in self.marks.values():
            of.setdefault(mark.figure, []).append(mark.spread)
        return {figure: statistics.median(spreads) for figure, spreads in of.items()}


def scale_of(known: Sequence[Example]) -> Scale:
    """Return the scale that follows from programs: the baselines and the seed."""
    measured: dict[str, list[tuple[float, Mapping[str, float]]]] = {}
    for example in known:
        for (instance, score, _), figures in zip(example.instances, example.figures, strict=False):
            if score is not None and score > FLOOR:
                measured.setdefault(instance, []).append((score, figures))
    names = dict.fromkeys(name for rows in measured.values() for _, figures in rows for name in figures)
    chosen = [name for name in names if _fits(name, measured)]
    marks: dict[str, Mark] = {}
    for instance, rows in measured.items():
        for name in chosen:
            line = _line(_points(name, rows))
            if line is not None:
                zero, hundred = line
                marks[instance] = Mark(name, zero, hundred, _ceiling(name, zero, hundred, rows))
                break
    return Scale(marks, _constants(known))


def _points(name: str, rows: Sequence[tuple[float, Mapping[str, float]]]) -> list[tuple[float, float]]:
    """Return (score, figure) of the programs that have the figure, the lowest score first."""
    return sorted((score, figures[name]) for score, figures in rows if name in figures)


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Return the figure at 0 and at 100 points; None where the points do not tell, or do not lie on a line."""
    if not points or points[-1][0] - points[0][0] < TOLERANCE or points[0][1] == points[-1][1]:
        return None
    (low, at_low), (high, at_high) = points[0], points[-1]
    per_point = (at_high - at_low) / (high - low)
    if any(abs(low + (figure - at_low) / per_point - score) > TOLERANCE for score, figure in points):
        return None
    return at_low - low * per_point, at_low + (100.0 - low) * per_point


def _fits(name: str, measured: Mapping[str, list[tuple[float, Mapping[str, float]]]]) -> bool:
    """Tell whether a figure lies on a line wherever two scores differ, and whether a third point confirms it."""
    is_borne_out = False
    for rows in measured.values():
        points = _points(name, rows)
        if not points or points[-1][0] - points[0][0] < TOLERANCE:
            continue
        if _line(points) is None:
            return False
        is_borne_out |= len({round(score, 1) for score, _ in points}) > 2
    return is_borne_out


def _ceiling(name: str, zero: float, hundred: float, rows: Sequence[tuple[float, Mapping[str, float]]]) -> float | None:
    """Return the points of a bound that is given in the unit of the figure, unless a program is beyond it."""
    unit = name.rpartition("_")[2]
    figures = rows[0][1]
    for bound in (metric for metric in figures if metric.startswith(BOUNDS) and metric.rpartition("_")[2] == unit):
        if any(other.get(bound) != figures[bound] for _, other in rows):
            continue
        points = 100.0 * (figures[bound] - zero) / (hundred - zero)
        if max(score for score, _ in rows) - TOLERANCE <= points <= MOST_POINTS:
            return points
    return None


def _constants(known: Sequence[Example]) -> frozenset[str]:
    sound = [example.metrics for example in known if example.score is not None]
    if len(sound) < 2:
        return frozenset()
    return frozenset(name for name in sound[0] if all(other.get(name) == sound[0][name] for other in sound))
