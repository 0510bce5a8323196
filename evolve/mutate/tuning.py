"""The numbers of a program that a tuner may set, and the program with other ones: the form stays, to the byte."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from evolve.mutate.builtin.places import Site
from evolve.mutate.builtin.program import Program
from evolve.mutate.builtin.syntax import round_figure
from evolve.mutate.mutation import TUNE, Proposal
from evolve.mutate.source import parse

MOST = 8
"""Numbers that are tuned together: a few dozen evaluations say little about more."""
MOST_CHARS = 40_000
"""Longer programs are left alone: looking for their numbers would hold the loop up."""
FARTHEST = math.log(100.0)
"""How far a value takes a number, in log units."""
DIGITS = 4


@dataclass(frozen=True)
class Number:
    """A number in a program's text.

    name: of the constant, empty where it has none.  line: from 1.  start, end: in bytes of its line.
    """

    name: str
    value: float
    is_whole: bool
    line: int
    start: int
    end: int


@functools.lru_cache(maxsize=256)
def numbers(source: str) -> tuple[Number, ...]:
    """Return the numbers to tune, at most `MOST`: named constants first, then others, in the order of the text.

    Left alone are flags, indices, shapes, and small whole numbers without a name: they say what, not how much. Only
    what an evolve block holds is taken, where there is one. Empty for a program that does not parse, or is long.
    """
    if len(source) > MOST_CHARS:
        return ()
    try:
        sites = Program(source, parse(source)).sites
    except (SyntaxError, RecursionError):
        return ()
    found = [number for site in sites if (number := _number(site)) is not None]
    # A name in capitals, or at the top level, says that its author meant it to be set.
    return tuple(sorted(found, key=lambda n: not n.name)[:MOST])


def tuned(source: str, values: Sequence[float]) -> Proposal:
    """Return the program whose k-th number is multiplied by e^values[k]; more values than numbers are left over.

    A whole number stays one, and above 0; a 0 becomes the value itself.
    """
    found = numbers(source)
    lines = source.split("\n")
    changes = []
    for number, value in sorted(zip(found, values, strict=False), key=lambda pair: (-pair[0].line, -pair[0].start)):
        new = _moved(number, min(max(value, -FARTHEST), FARTHEST))
        line = lines[number.line - 1].encode()
        lines[number.line - 1] = (line[: number.start] + repr(new).encode() + line[number.end :]).decode()
        if new != number.value:
            changes.append(f"{number.name or f'line {number.line}'}: {number.value:g} -> {new:g}")
    return Proposal(TUNE, "\n".join(lines), idea=", ".join(reversed(changes)))


def _moved(number: Number, value: float) -> float | int:
    if number.value == 0:
        return round(value) if number.is_whole else round_figure(value, DIGITS)
    new = number.value * math.exp(value)
    if number.is_whole:
        return int(math.copysign(max(1, round(abs(new))), new))
    return round_figure(new, DIGITS)


def _number(site: Site) -> Number | None:
    match site.node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            value = -value
        case ast.Constant(value=int() | float() as value) if not isinstance(site.parent, ast.UnaryOp):
            pass
        case _:
            return None
    name = _name(site)
    if isinstance(value, bool) or not math.isfinite(value) or abs(value) > 1e12:
        return None
    if not name and (site.exact or value == 0 or (isinstance(value, int) and abs(value) <= 2)):
        return None
    node = site.node
    if node.end_lineno != node.lineno or node.end_col_offset is None:
        return None
    return Number(name, value, isinstance(value, int), node.lineno, node.col_offset, node.end_col_offset)


def _name(site: Site) -> str:
    """Return the name that a number is given at the top level, or in capitals anywhere; else empty."""
    match site.parent:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name if site.function is None or name.isupper() else ""
    return ""
