"""What all panels of an SVG have in common: texts that fit, and a frame with ticks."""

from __future__ import annotations

from collections.abc import Sequence

from evolve.draw.scales import Scale, tick_text, ticks
from evolve.picture import Mark
from evolve.safe_text import html, one_line

MARGIN = 18
BELOW = 36
"""Room for the ticks and the label of an x axis."""
MOST_TEXT = 300
"""Characters of a mark's text."""


def number(value: float) -> str:
    """Return a place in a drawing, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def letters(string: str, size: float = 11) -> float:
    """Return about how wide a text is, in pixels."""
    return sum(1.0 if ord(c) > 0x2E7F else 0.56 for c in string) * size


def shortened(string: str, room: float, size: float = 11) -> str:
    """Return one line of a text that fits into so many pixels, its middle left out where it is longer."""
    line = one_line(string)
    count = max(int(room / (0.56 * size)), 3)
    if letters(line, size) <= room or len(line) <= 3:
        return line
    tail = (count - 1) // 2
    return f"{line[: count - 1 - tail]}…{line[len(line) - tail :] if tail else ''}"


def text(x: float, y: float, string: str, anchor: str = "", size: float = 11, weight: str = "") -> str:
    """Return a text at a place; y: of its base line."""
    style = f' text-anchor="{anchor}"' if anchor else ""
    style += f' font-size="{number(size)}"' if size != 11 else ""
    style += f' font-weight="{weight}"' if weight else ""
    return f'<text x="{number(x)}" y="{number(y)}"{style}>{html(one_line(string))}</text>'


def title_of(string: str) -> str:
    """Return what is said of a mark when one points at it."""
    return f"<title>{html(one_line(string)[:MOST_TEXT])}</title>" if string else ""


class Frame:
    """A plot's place in the drawing and its two scales."""

    def __init__(
        self, left: float, top: float, right: float, bottom: float, low: float, far: float, least: float, most: float
    ) -> None:
        self.left, self.top, self.right, self.bottom = left, top, right, bottom
        self.x = Scale(low, far, left, right)
        self.y = Scale(least, most, bottom, top)

    @property
    def height(self) -> float:
        """With what is below the x axis."""
        return self.bottom - self.top + BELOW

    def grid(self, x_label: str, y_label: str, with_y: bool = True) -> list[str]:
        """Return the axes with their ticks and labels."""
        lines, words = "", []
        for value in ticks(self.x.low, self.x.high, max(3, int((self.right - self.left) / 80))):
            lines += f"M{number(self.x(value))} {number(self.top)}V{number(self.bottom)}"
            words.append(text(self.x(value), self.bottom + 13, tick_text(value), anchor="middle", size=10))
        if with_y:
            for value in ticks(self.y.low, self.y.high, 5):
                lines += f"M{number(self.left)} {number(self.y(value))}H{number(self.right)}"
                words.append(text(self.left - 6, self.y(value) + 3.5, tick_text(value), anchor="end", size=10))
        words.append(
            text((self.left + self.right) / 2, self.bottom + 28, shortened(x_label, self.right - self.left), "middle")
        )
        if y_label:
            middle = (self.top + self.bottom) / 2
            label = html(shortened(y_label, self.bottom - self.top))
            turned = f'transform="rotate(-90 14 {number(middle)})"'
            words.append(f'<text x="14" y="{number(middle)}" text-anchor="middle" {turned}>{label}</text>')
        return [f'<path d="{lines}" stroke="currentColor" stroke-opacity=".14" fill="none"/>', *words]

    def marks(self, marks: Sequence[Mark], above: float = 0) -> list[str]:
        """Return lines across the plot, each with its word, which stands in the plot or so far above it."""
        parts = []
        for mark in marks:
            x = self.x(mark.x)
            parts.append(
                f'<path d="M{number(x)} {number(self.top - above)}V{number(self.bottom)}" stroke="currentColor" '
                f'stroke-dasharray="4 3" fill="none">{title_of(mark.label)}</path>'
            )
            right = x > (self.left + self.right) / 2
            parts.append(
                text(x + (-4 if right else 4), self.top + 9 - above, mark.label, "end" if right else "", size=10)
            )
        return parts
