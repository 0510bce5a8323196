"""Where a program may be changed: between the comments EVOLVE-BLOCK-START and EVOLVE-BLOCK-END, where it has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_START = re.compile(r"\s*(?:#|//|--|;|%|/\*)\s*EVOLVE-BLOCK-START\b")
_END = re.compile(r"\s*(?:#|//|--|;|%|/\*)\s*EVOLVE-BLOCK-END\b")
"""Behind the sign of a comment in whatever language."""


def is_marker(line: str) -> bool:
    """Tell whether a line opens or closes an evolve block."""
    return opens(line) or closes(line)


def opens(line: str) -> bool:
    """Tell whether a line opens an evolve block."""
    return _START.match(line) is not None


def closes(line: str) -> bool:
    """Tell whether a line closes an evolve block."""
    return _END.match(line) is not None


def editable_lines(lines: Sequence[str]) -> list[range]:
    """Return the lines inside each evolve block, its markers left out; none when the program has no block.

    A block that is not closed ends with the program; a second START inside a block is part of it.
    """
    blocks: list[range] = []
    start: int | None = None
    for number, line in enumerate(lines):
        if start is None and opens(line):
            start = number + 1
        elif start is not None and closes(line):
            blocks.append(range(start, number))
            start = None
    if start is not None:
        blocks.append(range(start, len(lines)))
    return blocks


def may_replace(blocks: Sequence[range], first: int, end: int) -> bool:
    """Tell whether lines[first:end] lie inside one block; first == end asks for an insertion before line `first`."""
    return not blocks or any(block.start <= first and end <= block.stop for block in blocks)
