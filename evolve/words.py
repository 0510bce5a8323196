"""Numbers of things in a sentence."""

from __future__ import annotations


def counted(count: float, one: str, many: str = "") -> str:
    """Return "1 program" or "2 programs". many: where it is not made by an s: "1 pass", "2 passes"."""
    figure = str(count) if isinstance(count, int) else f"{count:g}"
    return f"{figure} {one if count == 1 else many or one + 's'}"
