"""Pictures as plain data: what a problem, a report and a figure say is to be drawn, and nothing of how.

A `Picture` is a few panels, one below the other. Each panel is one of a small vocabulary:

    Lanes    intervals side by side along an axis, i.e. a Gantt chart
    Series   lines, steps or dots over an axis
    Bars     one bar a name, perhaps with an interval
    Matrix   a table of values, each a shade
    Map      points and arcs between them, on a world map or on a plane

A domain returns one from `Evaluator.picture` and needs no plotting library; `evolve.draw` makes SVG, HTML, text, PDF
and CSV of it. Every text may hold foreign words: whoever draws makes them safe. Units belong into the axis labels:
"time (h)", "memory (GB)". Whatever is not finite is refused here, where its author sees it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = [
    "Arc",
    "Bar",
    "Bars",
    "Interval",
    "Lane",
    "Lanes",
    "Line",
    "Map",
    "Mark",
    "Matrix",
    "Panel",
    "Picture",
    "Point",
    "Series",
    "joined",
    "kinds_of",
    "texts_of",
]


@dataclass(frozen=True)
class Mark:
    """A line across a panel at a place of its x axis, with a word: a deadline, the end of the work."""

    x: float
    label: str


@dataclass(frozen=True)
class Interval:
    """From `start` to `end` on a lane. kind: one colour and one line of the legend.  text: what a reader of it asks."""

    start: float
    end: float
    kind: str
    text: str = ""


@dataclass(frozen=True)
class Lane:
    """One row of intervals, in any order; those that overlap are drawn over each other."""

    name: str
    intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class Lanes:
    """A Gantt chart."""

    title: str
    x_label: str
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Line:
    """A series. points: (x, y), x ascending.  style: "line", "step" (holds its value until the next) or "dots"."""

    name: str
    points: tuple[tuple[float, float], ...]
    style: str = "line"
    text: str = ""


@dataclass(frozen=True)
class Series:
    """Lines over an axis."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A bar. low, high: its interval, where there is one.  kind: one colour and one line of the legend."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    kind: str = ""
    text: str = ""


@dataclass(frozen=True)
class Bars:
    """Bars, the first on top."""

    title: str
    x_label: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Matrix:
    """A table of shades. values: one tuple a row, as long as `columns`; None is left blank.

    marked: (row, column) of cells with a frame.  low, high: what the lightest and the darkest shade stand for;
    without them, the least and the greatest value.
    """

    title: str
    x_label: str
    y_label: str
    value_label: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    marked: tuple[tuple[int, int], ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Point:
    """A place. x, y: degrees of longitude and latitude on a world map.  label: shown beside it."""

    name: str
    x: float
    y: float
    kind: str = ""
    label: str = ""
    text: str = ""


@dataclass(frozen=True)
class Arc:
    """From one point to another, by name. width: 1 is thin."""

    start: str
    end: str
    kind: str = ""
    width: float = 1.0
    text: str = ""


@dataclass(frozen=True)
class Map:
    """Points and arcs. world: x and y are degrees, and coasts are drawn; else a plane with two labelled axes."""

    title: str
    points: tuple[Point, ...]
    arcs: tuple[Arc, ...]
    world: bool = False
    x_label: str = ""
    y_label: str = ""


Panel = Lanes | Series | Bars | Matrix | Map


@dataclass(frozen=True)
class Picture:
    """Panels, one below the other. note: a sentence that says what to look at."""

    title: str
    panels: tuple[Panel, ...]
    note: str = ""

    def __post_init__(self) -> None:
        if not self.panels:
            raise ValueError(f"the picture {self.title!r} has no panel")
        for panel in self.panels:
            _require_sound(panel)


def kinds_of(panel: Panel) -> list[str]:
    """Return what a panel's legend names, in the order in which it comes up."""
    if isinstance(panel, Lanes):
        found: Iterable[str] = (one.kind for lane in panel.lanes for one in lane.intervals)
    elif isinstance(panel, Series):
        found = (line.name for line in panel.lines)
    elif isinstance(panel, Bars):
        found = (bar.kind for bar in panel.bars)
    elif isinstance(panel, Map):
        found = (*(point.kind for point in panel.points), *(arc.kind for arc in panel.arcs))
    else:
        found = ()
    return [kind for kind in dict.fromkeys(found) if kind]


def texts_of(panel: Panel) -> list[str]:
    """Return the texts of a panel's marks, for whoever reads the picture instead of seeing it."""
    if isinstance(panel, Lanes):
        found: Iterable[str] = (one.text for lane in panel.lanes for one in lane.intervals)
    elif isinstance(panel, Series):
        found = (line.text for line in panel.lines)
    elif isinstance(panel, Bars):
        found = (bar.text for bar in panel.bars)
    elif isinstance(panel, Map):
        found = (*(point.text for point in panel.points), *(arc.text for arc in panel.arcs))
    else:
        found = ()
    return [text for text in found if text]


def _require_sound(panel: Panel) -> None:
    """Raise ValueError for a figure that is not finite, and for what refers to nothing."""
    for figure in _figures(panel):
        if not math.isfinite(figure):
            raise ValueError(f"the panel {panel.title!r} holds {figure}, expected finite numbers")
    if isinstance(panel, Matrix):
        shape = [len(row) for row in panel.values]
        if shape != [len(panel.columns)] * len(panel.rows):
            raise ValueError(f"the matrix {panel.title!r} has {len(panel.rows)} rows and rows of {sorted(set(shape))}")
        for row, column in panel.marked:
            if not (0 <= row < len(panel.rows) and 0 <= column < len(panel.columns)):
                raise ValueError(f"the matrix {panel.title!r} marks cell ({row}, {column}), which it does not have")
    if isinstance(panel, Map):
        known = {point.name for point in panel.points}
        for arc in panel.arcs:
            for end in (arc.start, arc.end):
                if end not in known:
                    raise ValueError(f"the map {panel.title!r} has an arc to {end!r}, which is no point of it")


def _figures(panel: Panel) -> Iterable[float]:
    if isinstance(panel, Lanes):
        return (x for lane in panel.lanes for one in lane.intervals for x in (one.start, one.end))
    if isinstance(panel, Series):
        return (x for line in panel.lines for point in line.points for x in point)
    if isinstance(panel, Bars):
        return (x for bar in panel.bars for x in (bar.value, bar.low, bar.high) if x is not None)
    if isinstance(panel, Matrix):
        return (x for row in panel.values for x in row if x is not None)
    return (x for point in panel.points for x in (point.x, point.y))


def joined(marks: Sequence[tuple[float, float, str]]) -> tuple[Interval, ...]:
    """Return intervals of (start, end, kind), where neighbours of one kind that touch are one."""
    found: list[list[float | str]] = []
    for start, end, kind in marks:
        if found and found[-1][2] == kind and found[-1][1] == start:
            found[-1][1] = end
        else:
            found.append([start, end, kind])
    return tuple(Interval(float(start), float(end), str(kind)) for start, end, kind in found)
