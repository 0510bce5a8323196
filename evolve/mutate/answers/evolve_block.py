"""Where a program may be changed: between `# EVOLVE-BLOCK-START` and `# EVOLVE-BLOCK-END`, where it has such lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

_START = re.compile(r"\s*#\s*EVOLVE-BLOCK-START\b")
_END = re.compile(r"\s*#\s*EVOLVE-BLOCK-END\b")


def is_marker(line: str) -> bool:
    """Tell whether a line opens or closes an evolve block."""
    return _START.match(line) is not None or _END.match(line) is not None


def editable_lines(lines: Sequence[str]) -> list[range]:
    """Return the lines inside each evolve block, its markers left out; none when the program has no block.

    A block that is not closed ends with the program; a second START inside a block is part of it.
    """
    blocks: list[range] = []
    start: int | None = None
    for number, line in enumerate(lines):
        if start is None and _START.match(line):
            start = number + 1
        elif start is not None and _END.match(line):
            blocks.append(range(start, number))
            start = None
    if start is not None:
        blocks.append(range(start, len(lines)))
    return blocks


def may_replace(blocks: Sequence[range], first: int, end: int) -> bool:
    """Tell whether lines[first:end] lie inside one block; first == end asks for an insertion before line `first`."""
    return not blocks or any(block.start <= first and end <= block.stop for block in blocks)


def with_blocks_of(parent: Sequence[str], program: Sequence[str]) -> list[str] | None:
    """Return the parent with the blocks of another program in place of its own; what is outside stays the parent's.

    A program without markers stands for the parent's only block, less those lines at its beginning and end that repeat
    what surrounds the block. Returns None when the two have different numbers of blocks.
    """
    inside = editable_lines(parent)
    if not inside:
        return list(program)
    new = editable_lines(program)
    if new:
        contents = [list(program[block.start : block.stop]) for block in new]
    elif len(inside) == 1 and not any(is_marker(line) for line in program):
        contents = [_without_surroundings(parent, inside[0], program)]
    else:
        return None
    if len(contents) != len(inside) or any(is_marker(line) for content in contents for line in content):
        return None
    whole: list[str] = []
    done = 0
    for block, content in zip(inside, contents, strict=True):
        whole += [*parent[done : block.start], *content]
        done = block.stop
    return [*whole, *parent[done:]]


def _without_surroundings(parent: Sequence[str], block: range, program: Sequence[str]) -> list[str]:
    before = [line.rstrip() for line in parent[: block.start] if not is_marker(line)]
    after = [line.rstrip() for line in parent[block.stop :] if not is_marker(line)]
    lines = [line.rstrip() for line in program]
    first = len(before) if lines[: len(before)] == before else 0
    last = len(lines) - len(after) if after and lines[first:][-len(after) :] == after else len(lines)
    return list(program[first:last])
