"""The numbers behind a panel, as rows of CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from evolve.picture import Bars, Lanes, Map, Panel, Series
from evolve.safe_text import csv_cell

Cell = str | float | None


def panel_csv(panel: Panel) -> str:
    """Return a panel's numbers with a header, all digits."""
    return to_csv(_rows(panel))


def to_csv(rows: Iterator[tuple[Cell, ...]] | list[tuple[Cell, ...]]) -> str:
    """Return rows as CSV; texts are made safe for spreadsheets, None is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow([csv_cell(cell) if isinstance(cell, str) else "" if cell is None else cell for cell in row])
    return out.getvalue()


def _rows(panel: Panel) -> Iterator[tuple[Cell, ...]]:
    if isinstance(panel, Lanes):
        yield "lane", "start", "end", "kind", "text"
        for lane in panel.lanes:
            for one in lane.intervals:
                yield lane.name, one.start, one.end, one.kind, one.text
    elif isinstance(panel, Series):
        yield "series", panel.x_label, panel.y_label
        for line in panel.lines:
            for x, y in line.points:
                yield line.name, x, y
    elif isinstance(panel, Bars):
        yield "name", "kind", panel.x_label, "low", "high"
        for bar in panel.bars:
            yield bar.name, bar.kind, bar.value, bar.low, bar.high
    elif isinstance(panel, Map):
        yield "from", "to", "kind", "x", "y", "width", "text"
        for point in panel.points:
            yield point.name, "", point.kind, point.x, point.y, None, point.text
        for arc in panel.arcs:
            yield arc.start, arc.end, arc.kind, None, None, arc.width, arc.text
    else:
        yield (panel.y_label, *panel.columns)
        for name, values in zip(panel.rows, panel.values, strict=True):
            yield (name, *values)
