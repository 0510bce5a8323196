"""Memory over time: what is taken at each address, and how much in all."""

from __future__ import annotations

from collections.abc import Sequence

from evolve.picture import Interval, Lane, Lanes, Line, Picture, Series

LANES_SHOWN = 48


def drawn(
    title: str,
    x_label: str,
    rows: Sequence[tuple[int, int, int, int, str]],
    limit: int,
    limit_name: str,
    note: str,
) -> Picture:
    """Return bands of addresses as lanes. rows: (from time, to time, offset, bytes, what it is).

    limit: bytes that are to suffice.
    """
    top = max([limit, *(offset + size for _, _, offset, size, _ in rows)])
    band = -(-top // LANES_SHOWN)
    lanes = []
    for number in reversed(range(-(-top // band))):
        low, high = number * band, (number + 1) * band
        inside = [row for row in rows if row[2] < high and low < row[2] + row[3]]
        kind = "within the limit" if low < limit else "above it"
        lanes.append(
            Lane(f"{low >> 10} KiB", tuple(Interval(start, end, kind, text) for start, end, _, _, text in inside))
        )
    change: dict[int, int] = {}
    for start, end, _, size, _ in rows:
        change[start] = change.get(start, 0) + size
        change[end] = change.get(end, 0) - size
    load, points = 0, []
    for time in sorted(change):
        load += change[time]
        points.append((float(time), load / 1024))
    lines = [Line("bytes taken", tuple(points), "step")]
    if change:
        lines.append(Line(limit_name, tuple((float(time), limit / 1024) for time in (min(change), max(change)))))
    return Picture(
        title,
        (
            Lanes("Addresses, the highest on top", x_label, tuple(lanes)),
            Series("Load", x_label, "taken (KiB)", tuple(lines)),
        ),
        note,
    )
