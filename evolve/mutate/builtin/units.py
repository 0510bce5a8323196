"""Units read from names: `done_s` is in s, `spot_usd_per_h` in usd per h. They decide what is compared with what."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TypeAlias

from evolve.mutate.builtin.syntax import dotted

Unit: TypeAlias = tuple[tuple[str, int], ...]
"""(name, power) of each factor, by name; () for a plain number."""

LONGEST_ENDING = 3


def unit_of_name(key: str) -> Unit:
    """Return the unit that a dotted name ends in: (("s", 1),) for "obs.done_s", () for "obs.running"."""
    above, per, below = key.rpartition("_per_")
    if per:
        return _product(unit_of_name(above), unit_of_name(f"_{below}"), -1)
    _, underscore, end = key.rpartition("_")
    return ((end.lower(), 1),) if underscore and 0 < len(end) <= LONGEST_ENDING and end.isalpha() else ()


def unit_of(node: ast.AST, units: Mapping[str, Unit]) -> Unit:
    """Return the unit of an expression, from the units of the names in it; () where it cannot be told."""
    match node:
        case ast.Name() | ast.Attribute():
            return units.get(dotted(node) or "", ())
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _product(unit_of(left, units), unit_of(right, units), 1)
        case ast.BinOp(left=left, op=ast.Div() | ast.FloorDiv(), right=right):
            return _product(unit_of(left, units), unit_of(right, units), -1)
        case ast.BinOp(left=left, right=right):
            return unit_of(left, units) or unit_of(right, units)
        case ast.UnaryOp(operand=operand):
            return unit_of(operand, units)
        case ast.IfExp(body=body):
            return unit_of(body, units)
        case ast.Call(args=arguments):
            return next((unit for a in arguments if (unit := unit_of(a, units))), ())
    return ()


def _product(one: Unit, two: Unit, power: int) -> Unit:
    if not two:
        return one
    powers = dict(one)
    for name, count in two:
        powers[name] = powers.get(name, 0) + power * count
    return tuple(sorted((name, count) for name, count in powers.items() if count))
