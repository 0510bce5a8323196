"""New lines indented as the program is, though the model indents otherwise: shifted, by tabs, or by other steps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from evolve.mutate.answers.characters import plain

_STEPS = {Fraction(1), Fraction(2), Fraction(1, 2)}
"""Steps of the program for one of the model's, where both are spaces: two for four, four for two, eight for four."""


def lead(line: str) -> str:
    """Return the white space that a line begins with."""
    return line[: len(line) - len(line.lstrip())]


def reindented(
    search: Sequence[str], there: Sequence[str], replace: Sequence[str], step: int
) -> tuple[str, ...] | None:
    """Return `replace` indented as `there` is, where `search` is what a model makes of `there`, line for line.

    Indentations of search and there must be in a straight proportion: the same but for a shift, a tab for four spaces,
    two spaces for four. None when they are not, or `replace` mixes tabs and spaces otherwise than `search` does.
    step: the spaces that the program indents by, where one level only tells nothing of the proportion.
    """
    pairs = [(lead(plain(one)), lead(other)) for one, other in zip(search, there, strict=True) if one.strip()]
    if all(one == other for one, other in pairs):
        return tuple(replace)
    quoted = "".join(one for one, _ in pairs)
    found = "".join(other for _, other in pairs)
    if len(set(quoted)) > 1 or len(set(found)) > 1:
        return None
    by_tabs, to_tabs = "\t" in quoted, "\t" in found
    if not quoted:  # it is the replacement that tells how the model indents
        by_tabs = any("\t" in lead(line) for line in replace)
    points = {len(one): len(other) for one, other in pairs}
    if len(points) < len({(len(one), len(other)) for one, other in pairs}):
        return None  # one indentation of the model's stands for two of the program's
    known = sorted(points.items())
    slopes = {Fraction(b[1] - a[1], b[0] - a[0]) for a, b in itertools.pairwise(known)}
    if len(slopes) > 1 or (not (by_tabs or to_tabs) and slopes - _STEPS):
        return None
    if slopes:
        slope = slopes.pop()
        if slope <= 0:
            return None
    elif by_tabs == to_tabs or not (quoted or by_tabs):
        slope = Fraction(1)
    else:
        slope = Fraction(step) if by_tabs else Fraction(1, step)
    at, becomes = known[0]
    lines = []
    for line in replace:
        own = lead(plain(line))
        if not line.strip():
            lines.append("")
            continue
        if quoted and own and set(own) != set(quoted):
            return None
        width = becomes + slope * (len(own) - at)
        lines.append(("\t" if to_tabs else " ") * max(0, int(width)) + line.lstrip())
    return tuple(lines)


def step_of(lines: Sequence[str]) -> int:
    """Return by how many spaces a program indents: the least indentation that it has, 4 where it has none."""
    widths = [len(white) for line in lines if line.strip() and (white := lead(line)) and "\t" not in white]
    return min((width for width in widths if width > 1), default=4)
