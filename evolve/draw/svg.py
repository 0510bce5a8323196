"""Pictures as SVG: a file of its own, or a part of an HTML page.

No script, no link, no style attribute: a page with the strictest policy shows it, and every text is made safe here.
Colours are attributes; what depends on the page (text, axes, background) takes `currentColor`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from evolve.draw.axes import MARGIN, Frame, letters, number, shortened, text, title_of
from evolve.draw.colours import HUES, places_of_all
from evolve.draw.scales import Scale, bounds, tick_text
from evolve.draw.svg_map import map_panel
from evolve.picture import Bars, Lanes, Map, Matrix, Panel, Picture, Series, kinds_of
from evolve.safe_text import html, one_line

WIDTH = 860
LANE = 18
PLOT_HEIGHT = 230
BAR = 22
CELLS_WITH_WORDS = 6_000
"""Cells of a matrix that have a text each; of more, neighbours of one shade are one rectangle."""
SHADES = 24

STYLE = (
    "<style>svg{color:#1d2733;background:#fff}"
    "@media(prefers-color-scheme:dark){svg{color:#dbe2ea;background:#14191f}}</style>"
)


def svg(picture: Picture, standalone: bool = True, width: int = WIDTH) -> str:
    """Return a picture as SVG. standalone: a file of its own, with its title and its colours of light and dark."""
    parts: list[str] = []
    top = 8.0
    if standalone and picture.title:
        parts.append(text(12, top + 14, shortened(picture.title, width - 24, 15), size=15, weight="bold"))
        top += 26
    if standalone and picture.note:
        for line in _wrapped(picture.note, width - 24):
            parts.append(text(12, top + 11, line, size=11))
            top += 15
        top += 6
    hues = places_of_all([kinds_of(panel) for panel in picture.panels])
    for panel, own in zip(picture.panels, hues, strict=True):
        drawn, height = _panel(panel, top, width, own)
        parts += drawn
        top += height
    label = html(one_line(picture.title)) or "picture"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {number(top)}" role="img" aria-label="{label}"'
    )
    font = 'font-family="system-ui, Helvetica, Arial, sans-serif" font-size="11" fill="currentColor"'
    size = f' width="{width}" height="{number(top)}"' if standalone else ""
    return f"{head}{size} {font}>{STYLE if standalone else ''}{''.join(parts)}</svg>"


def _panel(panel: Panel, top: float, width: int, hues: dict[str, int]) -> tuple[list[str], float]:
    """Return what a panel draws, and how high it is, its title and legend included."""
    drawn = [text(12, top + 14, shortened(panel.title, width - 24, 13), size=13, weight="600")] if panel.title else []
    down = 20.0 if panel.title else 4.0
    legend, rows = _legend(hues, top + down, width) if len(hues) > 1 or not isinstance(panel, Series) else ([], 0)
    drawn += legend
    down += 16 * rows + 6
    draw: dict[type, Callable[..., tuple[list[str], float]]] = {
        Lanes: _lanes,
        Series: _series,
        Bars: _bars,
        Matrix: _matrix,
        Map: map_panel,
    }
    inside, height = draw[type(panel)](panel, top + down, width, hues)
    return [f"<g>{''.join([*drawn, *inside])}</g>"], down + height + 10


def _legend(hues: dict[str, int], top: float, width: int) -> tuple[list[str], int]:
    parts, x, row = [], 12.0, 0
    for kind, place in hues.items():
        name = shortened(kind, 260)
        wide = 22 + letters(name)
        if x + wide > width - 8 and x > 12:
            x, row = 12.0, row + 1
        y = top + 16 * row
        parts.append(f'<rect x="{number(x)}" y="{number(y + 2)}" width="11" height="11" rx="2" fill="{HUES[place]}"/>')
        parts.append(text(x + 15, y + 11.5, name))
        x += wide + 8
    return parts, row + 1 if hues else 0


def _lanes(panel: Lanes, top: float, width: int, hues: dict[str, int]) -> tuple[list[str], float]:
    high = max(7.0, min(LANE, 460 / max(len(panel.lanes), 1)))
    left = 20 + min(190.0, max((letters(lane.name) for lane in panel.lanes), default=0.0))
    ends = [x for lane in panel.lanes for one in lane.intervals for x in (one.start, one.end)]
    low, far = bounds([*ends, *(mark.x for mark in panel.marks)])
    above = 13 if panel.marks else 0
    top += above
    frame = Frame(left, top, width - MARGIN, top + high * len(panel.lanes) + 4, low, far, 0, 1)
    parts = frame.grid(panel.x_label, "", with_y=False)
    for row, lane in enumerate(panel.lanes):
        y = top + high * row + 2
        if high >= 9:
            name = shortened(lane.name, left - 14)
            parts.append(text(left - 6, y + high / 2 + 3, name, anchor="end", size=min(11, high)))
        for one in lane.intervals:
            x = frame.x(one.start)
            wide = max(frame.x(one.end) - x, 0.6)
            said = one.text or f"{lane.name}: {one.kind}, {tick_text(one.start)} to {tick_text(one.end)}"
            parts.append(
                f'<rect x="{number(x)}" y="{number(y)}" width="{number(wide)}" height="{number(high - 2)}" '
                f'fill="{HUES[hues.get(one.kind, 0)]}">{title_of(said)}</rect>'
            )
    return [*parts, *frame.marks(panel.marks, above)], frame.height + above


def _series(panel: Series, top: float, width: int, hues: dict[str, int]) -> tuple[list[str], float]:
    points = [point for line in panel.lines for point in line.points]
    low, far = bounds([*(x for x, _ in points), *(mark.x for mark in panel.marks)])
    least, most = bounds(y for _, y in points)
    room = (most - least) * 0.04
    left = 62
    frame = Frame(left, top, width - MARGIN, top + PLOT_HEIGHT, low, far, least - room, most + room)
    parts = frame.grid(panel.x_label, panel.y_label)
    for line in panel.lines:
        hue = HUES[hues.get(line.name, 0)]
        places = [(frame.x(x), frame.y(y)) for x, y in line.points]
        title = title_of(line.text or line.name)
        if line.style == "dots":
            path = "".join(f"M{number(x)} {number(y)}h0" for x, y in places)
            parts.append(
                f'<path d="{path}" stroke="{hue}" stroke-opacity=".55" stroke-width="4" stroke-linecap="round" '
                f'fill="none">{title}</path>'
            )
        elif places:
            path = _stepped(places) if line.style == "step" else "L".join(f"{number(x)} {number(y)}" for x, y in places)
            parts.append(f'<path d="M{path}" stroke="{hue}" stroke-width="2" fill="none">{title}</path>')
    return [*parts, *frame.marks(panel.marks)], frame.height


def _stepped(places: Sequence[tuple[float, float]]) -> str:
    path, before = f"{number(places[0][0])} {number(places[0][1])}", places[0][1]
    for x, y in places[1:]:
        path += f"H{number(x)}"
        if y != before:
            path += f"V{number(y)}"
        before = y
    return path


def _bars(panel: Bars, top: float, width: int, hues: dict[str, int]) -> tuple[list[str], float]:
    left = 20 + min(230.0, max((letters(bar.name) for bar in panel.bars), default=0.0))
    values = [x for bar in panel.bars for x in (bar.value, bar.low, bar.high) if x is not None]
    low, far = bounds(values, with_zero=True)
    high = max(9.0, min(BAR, 520 / max(len(panel.bars), 1)))
    frame = Frame(left, top, width - MARGIN - 64, top + high * len(panel.bars) + 4, low, far, 0, 1)
    parts = frame.grid(panel.x_label, "", with_y=False)
    for row, bar in enumerate(panel.bars):
        y, zero, end = top + high * row + 3, frame.x(0.0), frame.x(bar.value)
        parts.append(text(left - 6, y + high / 2 + 1, shortened(bar.name, left - 14), anchor="end"))
        said = title_of(bar.text or f"{bar.name}: {tick_text(bar.value)}")
        parts.append(
            f'<rect x="{number(min(zero, end))}" y="{number(y)}" width="{number(max(abs(end - zero), 0.8))}" '
            f'height="{number(high - 5)}" rx="2" fill="{HUES[hues.get(bar.kind, 0)]}">{said}</rect>'
        )
        edge = end
        if bar.low is not None and bar.high is not None:
            a, b, middle = frame.x(bar.low), frame.x(bar.high), y + (high - 5) / 2
            parts.append(
                f'<path d="M{number(a)} {number(middle)}H{number(b)}M{number(a)} {number(middle - 4)}v8'
                f'M{number(b)} {number(middle - 4)}v8" stroke="currentColor" stroke-width="1.3" fill="none"/>'
            )
            edge = max(end, b)
        parts.append(text(max(edge, zero) + 5, y + high / 2 + 1, tick_text(float(f"{bar.value:.4g}"))))
    return parts, frame.height


def _matrix(panel: Matrix, top: float, width: int, hues: dict[str, int]) -> tuple[list[str], float]:
    left = 20 + min(150.0, max((letters(row) for row in panel.rows), default=0.0))
    known = [x for row in panel.values for x in row if x is not None]
    least, most = bounds(known)
    least, most = panel.low if panel.low is not None else least, panel.high if panel.high is not None else most
    shade = Scale(least, most if most > least else least + 1, 0.05, 1.0)
    count = max(len(panel.columns), 1)
    wide = min(46.0, (width - MARGIN - left) / count)
    high = max(2.0, min(20.0, 480 / max(len(panel.rows), 1)))
    words = len(panel.rows) * count <= CELLS_WITH_WORDS
    parts = [
        text(left, top + 9, f"{shortened(panel.value_label, 300)}: {tick_text(least)} "),
        *_shades(panel, left, top),
    ]
    top += 18
    if high >= 9:
        for row, name in enumerate(panel.rows):
            place = top + high * row + high / 2 + 3.5
            parts.append(text(left - 6, place, shortened(name, left - 14), anchor="end", size=min(11, high)))
    for row, values in enumerate(panel.values):
        for first, last, value in _runs(values, shade, merged=not words):
            x, y = left + wide * first, top + high * row
            named = f"{panel.rows[row]}, {panel.columns[first]}: {tick_text(float(f'{value:.5g}'))}" if words else ""
            broad = wide * (last - first + 1) - (0.6 if words else 0)
            parts.append(
                f'<rect x="{number(x)}" y="{number(y)}" width="{number(broad)}" '
                f'height="{number(high - (0.6 if high > 4 else 0))}" data-row="{row}" data-column="{first}" '
                f'fill="{HUES[0]}" fill-opacity="{min(max(shade(value), 0.0), 1.0):.2f}">{title_of(named)}</rect>'
            )
    for row, column in panel.marked:
        parts.append(
            f'<rect x="{number(left + wide * column)}" y="{number(top + high * row)}" width="{number(wide - 0.6)}" '
            f'height="{number(high - 0.6)}" fill="none" stroke="{HUES[1]}" stroke-width="1.8"/>'
        )
    bottom = top + high * len(panel.rows)
    every = max(1, -(-count * 34 // max(int(wide * count), 1)))
    for column in range(0, len(panel.columns), every):
        name = shortened(panel.columns[column], max(wide * every - 3, 30), 10)
        parts.append(text(left + wide * (column + 0.5), bottom + 12, name, anchor="middle", size=10))
    parts.append(text(left, bottom + 27, shortened(panel.x_label, width - left - 10)))
    if panel.y_label and letters(panel.y_label) < left - 10:
        parts.append(text(left - 6, top - 7, shortened(panel.y_label, left - 8), anchor="end"))
    return parts, bottom + 32 - top + 18


def _shades(panel: Matrix, left: float, top: float) -> list[str]:
    known = [x for row in panel.values for x in row if x is not None]
    least, most = bounds(known)
    least, most = panel.low if panel.low is not None else least, panel.high if panel.high is not None else most
    x = left + letters(f"{shortened(panel.value_label, 300)}: {tick_text(least)} ") + 6
    boxes = [
        f'<rect x="{number(x + 12 * place)}" y="{number(top)}" width="12" height="10" fill="{HUES[0]}" '
        f'fill-opacity="{0.05 + 0.19 * place:.2f}"/>'
        for place in range(6)
    ]
    return [*boxes, text(x + 78, top + 9, tick_text(float(f"{most:.5g}")))]


def _runs(values: Sequence[float | None], shade: Scale, merged: bool) -> list[tuple[int, int, float]]:
    """Return (first, last, value) of the cells of a row; merged: neighbours of one shade are one."""
    found: list[tuple[int, int, float]] = []
    for column, value in enumerate(values):
        if value is None:
            continue
        if merged and found and found[-1][1] == column - 1:
            first, _, before = found[-1]
            if round(shade(before) * SHADES) == round(shade(value) * SHADES):
                found[-1] = (first, column, before)
                continue
        found.append((column, column, value))
    return found


def _wrapped(note: str, width: float) -> list[str]:
    lines, line = [], ""
    for word in one_line(note).split(" "):
        if line and letters(f"{line} {word}") > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line][:6]


def as_page_parts(pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """Return pictures as a page shows them: title, note and SVG, each of them safe HTML."""
    return [
        {"title": html(one_line(one.title)), "note": html(one_line(one.note)), "svg": svg(one, standalone=False)}
        for one in pictures
    ]
