"""Axes: where the ticks are, and how a number reads on one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A straight line from values to places: `low` to `start`, `high` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def bounds(values: Iterable[float], with_zero: bool = False) -> tuple[float, float]:
    """Return the least and the greatest value, apart in any case. with_zero: zero is among them."""
    found = [*values, *([0.0] if with_zero else [])]
    if not found:
        return 0.0, 1.0
    low, high = min(found), max(found)
    if low == high:
        room = abs(low) * 0.1 or 0.5
        return low - room, high + room
    return low, high


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from low to high, at most so many. low < high."""
    raw = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def tick_text(value: float) -> str:
    """Return a number as an axis shows it: no more digits than it has."""
    text = f"{value:.6g}"
    return f"{value:.0f}" if "e" in text and abs(value) < 1e7 else text
