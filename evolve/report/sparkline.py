"""A curve in one line of text."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*%#"


def sparkline(values: Sequence[float], width: int, unicode: bool = True) -> str:
    """Return at most `width` characters, one per value or per equal share of them, the last value always last.

    values: finite, in the order of time.  A curve that never rises is a flat line at the bottom.
    """
    if not values or width < 1:
        return ""
    count = min(width, len(values))
    shown = [values[(i + 1) * len(values) // count - 1] for i in range(count)]
    low, high = min(shown), max(shown)
    levels = BLOCKS if unicode else ASCII
    if high == low:
        return levels[0] * count
    return "".join(levels[int((value - low) / (high - low) * (len(levels) - 1) + 0.5)] for value in shown)
