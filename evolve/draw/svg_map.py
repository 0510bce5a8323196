"""Maps as SVG: points and arcs over coasts, or on a plane.

Coasts: Natural Earth 1:110m land (public domain, naturalearthdata.com), thinned to whole degrees.
"""

from __future__ import annotations

import functools
import json
import math
from importlib.resources import files

from evolve.draw.axes import MARGIN, Frame, number, text, title_of
from evolve.draw.colours import HUES
from evolve.draw.scales import bounds
from evolve.picture import Map
from evolve.safe_text import html, one_line

PLANE_HEIGHT = 330
LEAST_DEGREES = 40.0
"""A map shows at least so many degrees of longitude: a town alone is nowhere."""


@functools.cache
def coasts() -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return the outlines of land as (longitude, latitude) in degrees."""
    flat = json.loads((files("evolve.draw") / "coast.json").read_text(encoding="utf-8"))
    return tuple(tuple(zip(ring[::2], ring[1::2], strict=True)) for ring in flat)


def map_panel(panel: Map, top: float, width: int, hues: dict[str, int]) -> tuple[list[str], float]:
    """Return what a map draws, and how high it is."""
    low, far = bounds(point.x for point in panel.points)
    least, most = bounds(point.y for point in panel.points)
    left = 12.0 if panel.world else 62.0
    if panel.world:
        frame = _world(low, far, least, most, top, width)
        inner = [_land(frame, width)]
    else:
        across, up = (far - low) * 0.05, (most - least) * 0.08
        frame = Frame(left, top, width - MARGIN, top + PLANE_HEIGHT, low - across, far + across, least - up, most + up)
        inner = frame.grid(panel.x_label, panel.y_label)
    where = {point.name: (frame.x(point.x), frame.y(point.y)) for point in panel.points}
    bend = 0.16 if panel.world else 0.0
    for arc in panel.arcs:
        inner.append(_arc(where[arc.start], where[arc.end], HUES[hues.get(arc.kind, 7)], arc.width, arc.text, bend))
    small = len(panel.points) > 150
    for point in panel.points:
        x, y = where[point.name]
        inner.append(
            f'<circle cx="{number(x)}" cy="{number(y)}" r="{2.5 if small else 4}" '
            f'data-name="{html(one_line(point.name))}" '
            f'fill="{HUES[hues.get(point.kind, 7)]}" stroke="currentColor" stroke-width="{0 if small else 0.6}">'
            f"{title_of(point.text or point.name)}</circle>"
        )
        if point.label:
            right = x > width * 0.72
            inner.append(text(x + (-7 if right else 7), y - 5, point.label, "end" if right else "", size=10))
    return inner, frame.bottom - frame.top + 8 if panel.world else frame.height


def _world(low: float, far: float, least: float, most: float, top: float, width: int) -> Frame:
    """Return the frame of a part of the world that holds all points, in degrees of equal length."""
    middle, up = (low + far) / 2, (least + most) / 2
    wide = max((far - low) * 1.25, LEAST_DEGREES, (most - least) * 1.4 * 2)
    wide = min(wide, 360.0)
    high = min(max(wide * 0.42, (most - least) * 1.35), 150.0)
    pixels = (width - 24) / wide
    return Frame(
        12, top, width - 12, top + high * pixels, middle - wide / 2, middle + wide / 2, up - high / 2, up + high / 2
    )


def _land(frame: Frame, width: int) -> str:
    """Return the coasts inside a frame; what lies outside is cut off by its own little drawing."""
    path = ""
    for ring in coasts():
        west, east = min(x for x, _ in ring), max(x for x, _ in ring)
        for turn in (-360, 0, 360):  # an outline that crosses the antimeridian goes on beyond 180 degrees
            if east + turn > frame.x.low and west + turn < frame.x.high:
                points = ((frame.x(x + turn) - 12, frame.y(y) - frame.top) for x, y in ring)
                path += "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points) + "Z"
    wide, high = number(width - 24), number(frame.bottom - frame.top)
    return (
        f'<svg x="12" y="{number(frame.top)}" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}">'
        f'<rect width="{wide}" height="{high}" fill="currentColor" fill-opacity=".03"/>'
        f'<path d="{path}" fill="currentColor" fill-opacity=".1" stroke="currentColor" stroke-opacity=".2"/></svg>'
    )


def _arc(start: tuple[float, float], end: tuple[float, float], hue: str, wide: float, said: str, bend: float) -> str:
    """Return a bent line with a head at its end."""
    (x0, y0), (x1, y1) = start, end
    across, down = x1 - x0, y1 - y0
    length = math.hypot(across, down)
    if length < 1:
        return ""
    cx, cy = (x0 + x1) / 2 + bend * down, (y0 + y1) / 2 - bend * across
    line = (
        f'<path d="M{number(x0)} {number(y0)}Q{number(cx)} {number(cy)} {number(x1)} {number(y1)}" stroke="{hue}" '
        f'stroke-width="{number(min(max(wide, 0.6), 7))}" stroke-opacity=".8" fill="none">{title_of(said)}</path>'
    )
    if not bend:
        return line
    angle = math.atan2(y1 - cy, x1 - cx)
    tip = [(x1 - 5 * math.cos(angle), y1 - 5 * math.sin(angle))]
    tip += [(tip[0][0] - 8 * math.cos(angle + turn), tip[0][1] - 8 * math.sin(angle + turn)) for turn in (0.45, -0.45)]
    points = " ".join(f"{number(x)},{number(y)}" for x, y in tip)
    return f'{line}<polygon points="{points}" fill="{hue}"/>'
