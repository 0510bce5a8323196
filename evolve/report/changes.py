"""What changed from one program to another, as a patch."""

from __future__ import annotations

from evolve.line_diff import unified_diff as line_diff
from evolve.safe_text import unseen_lines

NAMED_LINES = 20


def unified_diff(before: str, after: str, before_name: str, after_name: str) -> str:
    """Return a unified diff that `patch -p1` applies; empty when the two are the same.

    A line ends at a line feed and nowhere else, as `patch` and Python count them. What a reader does not see in the new
    program is named above the diff, where `patch` takes text for a comment.
    """
    lines: list[str] = []
    for line in line_diff(_lines(before), _lines(after), f"a/{before_name}", f"b/{after_name}"):
        lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    unseen = list(unseen_lines(after))
    notes = [f"Unseen on line {number} of b/{after_name}: {names}\n" for number, names in unseen[:NAMED_LINES]]
    if len(unseen) > NAMED_LINES:
        notes.append(f"Unseen on {len(unseen) - NAMED_LINES} more lines.\n")
    return "".join(notes + lines) if lines else ""


def _lines(text: str) -> list[str]:
    """Split at line feeds only: `str.splitlines` takes a form feed or U+2028 for a line's end, too."""
    *whole, rest = text.split("\n")
    return [f"{line}\n" for line in whole] + ([rest] if rest else [])
