"""Pictures in a terminal: the same panels, in characters."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from evolve.draw.colours import places, places_of_all
from evolve.draw.scales import Scale, bounds, tick_text
from evolve.picture import Bars, Lanes, Map, Matrix, Panel, Picture, Series, kinds_of
from evolve.safe_text import one_line

COLOURS = ("blue", "red", "green", "magenta", "yellow", "cyan", "bright_magenta", "bright_black")
LETTERS = "#=+o*x%."
"""What stands for a kind where there are no colours, or beside them."""
SHADES = " ░▒▓█"
ASCII_SHADES = " .:*#"
HEIGHT = 12
MOST_ROWS = 40


def print_picture(console: Console, picture: Picture) -> None:
    """Print a picture, as wide as the terminal."""
    console.print(Text(one_line(picture.title), style="bold"))
    if picture.note:
        console.print(one_line(picture.note), style="dim")
    hues = places_of_all([kinds_of(panel) for panel in picture.panels])
    for panel, own in zip(picture.panels, hues, strict=True):
        console.print()
        coloured = console.color_system is not None and "utf" in console.encoding.lower()
        for line in panel_lines(panel, console.width, coloured, own):
            console.print(line, no_wrap=True, overflow="crop", soft_wrap=True)


def panel_lines(panel: Panel, width: int, unicode: bool = True, hues: dict[str, int] | None = None) -> list[Text]:
    """Return a panel as lines of at most so many characters.

    unicode: False takes ASCII alone.  hues: kind -> its place among the colours; None: as of a panel alone.
    """
    hues = places(kinds_of(panel)) if hues is None else hues
    lines = [Text(one_line(panel.title)[:width], style="bold")]
    if hues:
        legend = Text()
        for kind, place in hues.items():
            legend.append(f"{_mark(place, unicode)} ", style=COLOURS[place])
            legend.append(f"{one_line(kind)}  ")
        legend.truncate(width)
        lines.append(legend)
    if isinstance(panel, Lanes):
        lines += _lanes(panel, width, hues, unicode)
    elif isinstance(panel, Series):
        lines += _series(panel, width, hues, unicode)
    elif isinstance(panel, Bars):
        lines += _bars(panel, width, hues, unicode)
    elif isinstance(panel, Matrix):
        lines += _matrix(panel, width, unicode)
    else:
        lines += _map(panel, width, hues, unicode)
    return lines


def _mark(place: int, unicode: bool) -> str:
    return "█" if unicode else LETTERS[place]


def _named(names: Sequence[str], most: int) -> tuple[list[str], int]:
    shown = [one_line(name)[:most] for name in names]
    wide = max(map(len, shown), default=0)
    return [name.rjust(wide) for name in shown], wide


def _cut(lines: list[Text], count: int) -> list[Text]:
    return lines if count <= MOST_ROWS else [*lines, Text(f"... the first {MOST_ROWS} of {count} rows", style="dim")]


def _lanes(panel: Lanes, width: int, hues: dict[str, int], unicode: bool) -> list[Text]:
    shown = panel.lanes[:MOST_ROWS]
    names, wide = _named([lane.name for lane in shown], max(8, width // 4))
    room = max(width - wide - 2, 10)
    ends = [x for lane in panel.lanes for one in lane.intervals for x in (one.start, one.end)]
    low, far = bounds([*ends, *(mark.x for mark in panel.marks)])
    scale = Scale(low, far, 0, room)
    lines = []
    for name, lane in zip(names, shown, strict=True):
        cells = [(" ", "")] * room
        for one in lane.intervals:
            place = hues.get(one.kind, 0)
            first = min(int(scale(one.start)), room - 1)
            for cell in range(first, max(first + 1, min(round(scale(one.end)), room))):
                cells[cell] = (_mark(place, unicode), COLOURS[place])
        lines.append(_row(name, cells))
    axis = _axis(low, far, room, wide)
    lines = _cut(lines, len(panel.lanes))
    if panel.marks:
        said = "  ".join(f"{one_line(mark.label)} at {tick_text(float(f'{mark.x:.4g}'))}" for mark in panel.marks)
        axis.append(Text(f"{' ' * wide} {said}"[:width], style="dim"))
    return [*lines, *axis, Text(f"{' ' * wide} {one_line(panel.x_label)}"[:width], style="dim")]


def _row(name: str, cells: Sequence[tuple[str, str]]) -> Text:
    line = Text(f"{name} ")
    for character, style in cells:
        line.append(character, style=style or None)
    return line


def _axis(low: float, far: float, room: int, wide: int) -> list[Text]:
    left, right = tick_text(float(f"{low:.4g}")), tick_text(float(f"{far:.4g}"))
    return [Text(f"{' ' * wide} {left}{right.rjust(max(room - len(left), 1))}", style="dim")]


def _series(panel: Series, width: int, hues: dict[str, int], unicode: bool) -> list[Text]:
    points = [point for line in panel.lines for point in line.points]
    (low, far), (least, most) = bounds(x for x, _ in points), bounds(y for _, y in points)
    labels = [tick_text(float(f"{value:.4g}")) for value in (most, least)]
    wide = max(map(len, labels))
    room = max(width - wide - 2, 10)
    across, up = Scale(low, far, 0, room - 1), Scale(least, most, HEIGHT - 1, 0)
    grid = [[(" ", "")] * room for _ in range(HEIGHT)]
    for line in panel.lines:
        place = hues.get(line.name, 0)
        mark = (("•" if line.style == "dots" else "█") if unicode else LETTERS[place], COLOURS[place])
        before: tuple[int, int] | None = None
        for x, y in line.points:
            column, row = round(across(x)), round(up(y))
            if line.style == "step" and before is not None:
                for between in range(before[0], column):
                    grid[before[1]][between] = mark
            elif line.style == "line" and before is not None:
                for between in range(before[0] + 1, column):
                    share = (between - before[0]) / (column - before[0])
                    grid[round(before[1] + share * (row - before[1]))][between] = mark
            grid[row][column] = mark
            before = (column, row)
    names = [labels[0], *[""] * (HEIGHT - 2), labels[1]]
    lines = [_row(name.rjust(wide), cells) for name, cells in zip(names, grid, strict=True)]
    label = f"{one_line(panel.x_label)}; up: {one_line(panel.y_label)}"
    return [*lines, *_axis(low, far, room, wide), Text(f"{' ' * wide} {label}"[:width], style="dim")]


def _bars(panel: Bars, width: int, hues: dict[str, int], unicode: bool) -> list[Text]:
    shown = panel.bars[:MOST_ROWS]
    names, wide = _named([bar.name for bar in shown], max(8, width // 3))
    room = max(width - wide - 28, 8)
    low, far = bounds([bar.value for bar in panel.bars], with_zero=True)
    scale = Scale(low, far, 0, room)
    lines = []
    for name, bar in zip(names, shown, strict=True):
        place, zero, end = hues.get(bar.kind, 0), round(scale(0.0)), round(scale(bar.value))
        cells = [(" ", "")] * room
        for cell in range(min(zero, end), max(zero, end)):
            cells[cell] = (_mark(place, unicode), COLOURS[place])
        line = _row(name, cells)
        figure = tick_text(float(f"{bar.value:.4g}"))
        if bar.low is not None and bar.high is not None:
            figure += f" [{tick_text(float(f'{bar.low:.4g}'))}, {tick_text(float(f'{bar.high:.4g}'))}]"
        lines.append(line.append(f" {figure}"))
    return [*_cut(lines, len(panel.bars)), Text(f"{' ' * wide} {one_line(panel.x_label)}"[:width], style="dim")]


def _matrix(panel: Matrix, width: int, unicode: bool) -> list[Text]:
    count = min(len(panel.rows), MOST_ROWS)
    names, wide = _named(panel.rows[:count], max(8, width // 4))
    known = [x for row in panel.values for x in row if x is not None]
    least, most = bounds(known)
    least, most = panel.low if panel.low is not None else least, panel.high if panel.high is not None else most
    shades = SHADES if unicode else ASCII_SHADES
    scale = Scale(least, most if most > least else least + 1, 0, len(shades) - 1)
    columns = len(panel.columns)
    each = max(1, min(4, (width - wide - 2) // max(columns, 1)))
    fits = max(min(columns, (width - wide - 2) // each), 1)
    lines = []
    for name, values in zip(names, panel.values, strict=False):
        cells = [
            (shades[min(max(round(scale(x)), 0), len(shades) - 1)], "blue") if x is not None else ("-", "dim")
            for x in values
        ]
        lines.append(_row(name, [cell for cell in cells[:fits] for _ in range(each)]))
    lines = _cut(lines, len(panel.rows))
    more = f"; the first {fits} of {columns} columns" if fits < columns else ""
    low, high = (tick_text(float(f"{x:.4g}")) for x in (least, most))
    said = f"across: {one_line(panel.x_label)}{more}; {one_line(panel.value_label)}: {low} to {high}"
    return [*lines, Text(f"{' ' * wide} {said}"[:width], style="dim")]


def _map(panel: Map, width: int, hues: dict[str, int], unicode: bool) -> list[Text]:
    """Return the points in their places, and the arcs as a list: lines cannot be told apart in characters."""
    rows, width = 16, width - 1
    (low, far), (least, most) = bounds(p.x for p in panel.points), bounds(p.y for p in panel.points)
    across, up = Scale(low, far, 0, max(width - 18, 10)), Scale(least, most, rows - 1, 0)
    grid = [[(" ", "")] * width for _ in range(rows)]
    for point in panel.points:
        place = hues.get(point.kind, 7)
        column, row = round(across(point.x)), round(up(point.y))
        for offset, character in enumerate(f"{'●' if unicode else LETTERS[place]} {one_line(point.label)}".rstrip()):
            if column + offset < width and (offset == 0 or grid[row][column + offset][0] == " "):
                grid[row][column + offset] = (character, COLOURS[place] if offset == 0 else "")
    lines = [_row("", cells) for cells in grid]
    arcs = [f"{one_line(arc.start)} -> {one_line(arc.end)}  {one_line(arc.text or arc.kind)}" for arc in panel.arcs]
    listed = [Text(arc[:width]) for arc in arcs[:MOST_ROWS]] if panel.world or len(arcs) <= MOST_ROWS else []
    return [*lines, *listed, *([Text(f"... {len(arcs)} arcs in all", style="dim")] if len(arcs) > len(listed) else [])]
