"""Pictures as files for papers: PDF, PNG and SVG by matplotlib, an extra (`pip install 'evolve[figures]'`)."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evolve.draw.colours import HUES, places_of_all
from evolve.draw.rows import panel_csv
from evolve.draw.svg_map import coasts
from evolve.errors import UsageError
from evolve.picture import Bars, Lanes, Map, Matrix, Panel, Picture, Series, kinds_of
from evolve.safe_text import one_line

WIDTH_IN = 6.4
FONT_PT = 9.0
FORMATS = ("svg", "pdf", "png")
TITLE_LETTERS = 70
"""On a line of the title on top; more go on to the next line."""
MOST_NAMES = 60
"""Rows or columns of which each has its name; of more, some have."""


def require_library() -> Any:
    """Return matplotlib, set up for papers. Raises UsageError that says how to install it."""
    try:
        import matplotlib
    except ImportError:
        raise UsageError("PDF and PNG need matplotlib, which is not installed: pip install 'evolve[figures]'") from None
    matplotlib.use("Agg")
    matplotlib.rcParams.update(
        {
            "font.size": FONT_PT,
            "pdf.fonttype": 42,  # letters stay letters: journals refuse outlines of type 3
            "svg.fonttype": "none",
            "svg.hashsalt": "evolve",  # the same figure, the same file
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.formatter.use_mathtext": False,
            "text.usetex": False,
        }
    )
    return matplotlib


def save(picture: Picture, stem: Path, formats: Sequence[str] = ("svg", "pdf"), title: bool = False) -> list[Path]:
    """Write a picture as stem.svg, stem.pdf and so on; return the files. title: with it on top, as a screen wants it.

    Raises UsageError when matplotlib is missing or a file cannot be written.
    """
    require_library()
    from matplotlib.figure import Figure

    heights = [_height(panel) for panel in picture.panels]
    figure = Figure(figsize=(WIDTH_IN, sum(heights)), layout="constrained")
    axes = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)
    hues = places_of_all([kinds_of(panel) for panel in picture.panels])
    for panel, (place,), own in zip(picture.panels, axes, hues, strict=True):
        _draw(panel, place, {kind: HUES[hue] for kind, hue in own.items()})
    if title and picture.title:
        figure.suptitle("\n".join(textwrap.wrap(_text(picture.title), TITLE_LETTERS)), fontsize=FONT_PT + 2)
    files = []
    for ending in formats:
        path = stem.with_name(f"{stem.name}.{ending}")
        dated = {"svg": "Date", "pdf": "CreationDate"}.get(ending)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=160, metadata={dated: None} if dated else None)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
        files.append(path)
    return files


def save_with_numbers(picture: Picture, stem: Path) -> list[Path]:
    """Write a picture as SVG and PDF, and the numbers behind each of its panels as CSV."""
    files = save(picture, stem)
    for number, panel in enumerate(picture.panels):
        name = f"{stem.name}-{number + 1}.csv" if len(picture.panels) > 1 else f"{stem.name}.csv"
        path = stem.with_name(name)
        try:
            path.write_text(panel_csv(panel), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
        files.append(path)
    return files


def _text(text: str) -> str:
    """Return foreign text as one line in which no dollar sign begins mathematics."""
    return one_line(text).replace("$", r"\$")


def _height(panel: Panel) -> float:
    if isinstance(panel, Lanes):
        return 0.9 + min(len(panel.lanes) * 0.17, 4.5)
    if isinstance(panel, Bars):
        return 0.8 + len(panel.bars) * 0.2
    if isinstance(panel, Matrix):
        return 1.0 + min(len(panel.rows) * 0.16, 4.5)
    return 2.6 if isinstance(panel, Series) else 3.4


def _draw(panel: Panel, axes: Any, hues: dict[str, str]) -> None:
    if panel.title:
        axes.set_title(_text(panel.title), fontsize=FONT_PT, loc="left")
    draw: dict[type, Callable[..., None]] = {
        Lanes: _lanes,
        Series: _series,
        Bars: _bars,
        Matrix: _matrix,
        Map: _map,
    }
    draw[type(panel)](panel, axes, hues)
    if hues and not isinstance(panel, Series):
        from matplotlib.patches import Patch

        handles = [Patch(color=hue, label=_text(kind)) for kind, hue in hues.items()]
        axes.legend(handles=handles, fontsize=FONT_PT - 2, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _marks(panel: Lanes | Series, axes: Any) -> None:
    for mark in panel.marks:
        axes.axvline(mark.x, color="black", linewidth=0.8, linestyle="--")
        axes.annotate(
            _text(mark.label), (mark.x, 1), xycoords=("data", "axes fraction"), fontsize=FONT_PT - 2, ha="right"
        )


def _lanes(panel: Lanes, axes: Any, hues: dict[str, str]) -> None:
    for row, lane in enumerate(panel.lanes):
        for one in lane.intervals:
            axes.barh(row, one.end - one.start, left=one.start, height=0.82, color=hues.get(one.kind, HUES[0]))
    axes.set_yticks(*_some([lane.name for lane in panel.lanes]), fontsize=FONT_PT - 1)
    axes.invert_yaxis()
    axes.set_xlabel(_text(panel.x_label))
    _marks(panel, axes)


def _series(panel: Series, axes: Any, hues: dict[str, str]) -> None:
    for line in panel.lines:
        xs, ys = [x for x, _ in line.points], [y for _, y in line.points]
        look: dict[str, Any] = {"color": hues.get(line.name, HUES[0]), "label": _text(line.name)}
        if line.style == "dots":
            axes.plot(xs, ys, ".", markersize=2.5, alpha=0.6, **look)
        elif line.style == "step":
            axes.step(xs, ys, where="post", linewidth=1.4, **look)
        else:
            axes.plot(xs, ys, linewidth=1.2, **look)
    axes.set_xlabel(_text(panel.x_label))
    axes.set_ylabel(_text(panel.y_label))
    _marks(panel, axes)
    if len(panel.lines) > 1:
        axes.legend(fontsize=FONT_PT - 2, frameon=False)


def _bars(panel: Bars, axes: Any, hues: dict[str, str]) -> None:
    for row, bar in enumerate(panel.bars):
        axes.barh(row, bar.value, height=0.7, color=hues.get(bar.kind, HUES[0]))
        if bar.low is not None and bar.high is not None:
            axes.plot([bar.low, bar.high], [row, row], color="black", linewidth=1, marker="|", markersize=5)
    axes.set_yticks(*_some([bar.name for bar in panel.bars]))
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_xlabel(_text(panel.x_label))


def _matrix(panel: Matrix, axes: Any, hues: dict[str, str]) -> None:
    import numpy as np

    values = np.array([[np.nan if x is None else x for x in row] for row in panel.values], dtype=float)
    if values.size:
        shown = axes.imshow(values, aspect="auto", cmap=_blues(), vmin=panel.low, vmax=panel.high, interpolation="none")
        axes.figure.colorbar(shown, ax=axes, label=_text(panel.value_label), shrink=0.9)
    for row, column in panel.marked:
        axes.plot(column, row, "s", markersize=5, fillstyle="none", color=HUES[1])
    axes.set_yticks(*_some(panel.rows), fontsize=FONT_PT - 2)
    axes.set_xticks(*_some(panel.columns, 24), fontsize=FONT_PT - 2, rotation=90)
    axes.set_xlabel(_text(panel.x_label))
    axes.set_ylabel(_text(panel.y_label))


@functools.cache
def _blues() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("evolve", ["#f2f7fb", HUES[0]])


def _map(panel: Map, axes: Any, hues: dict[str, str]) -> None:
    where = {point.name: (point.x, point.y) for point in panel.points}
    if panel.world:
        for ring in coasts():
            axes.fill(*zip(*ring, strict=True), color="#e8eaed", zorder=0)
    for arc in panel.arcs:
        look = {"color": hues.get(arc.kind, HUES[7]), "linewidth": max(0.5, arc.width * 0.7), "alpha": 0.8}
        if panel.world:
            bent = {"arrowstyle": "->", "connectionstyle": "arc3,rad=0.16", **look}
            axes.annotate("", where[arc.end], where[arc.start], arrowprops=bent)
        else:
            axes.plot(*zip(where[arc.start], where[arc.end], strict=True), **look, zorder=1)
    for point in panel.points:
        axes.plot(point.x, point.y, "o", markersize=3.5, color=hues.get(point.kind, HUES[7]), zorder=2)
        if point.label:
            axes.annotate(
                _text(point.label), (point.x, point.y), (3, 3), textcoords="offset points", fontsize=FONT_PT - 2
            )
    xs, ys = [x for x, _ in where.values()] or [0.0], [y for _, y in where.values()] or [0.0]
    if panel.world:
        axes.set_xlim(min(xs) - 15, max(xs) + 15)
        axes.set_ylim(min(ys) - 15, max(ys) + 15)
        axes.set_xticks([])
        axes.set_yticks([])
    axes.set_xlabel(_text(panel.x_label))
    axes.set_ylabel(_text(panel.y_label))


def _some(names: Sequence[str], most: int = MOST_NAMES) -> tuple[list[int], list[str]]:
    """Return places and names, not more than there is room for."""
    every = max(1, -(-len(names) // most))
    return list(range(0, len(names), every)), [_text(names[place])[:28] for place in range(0, len(names), every)]
