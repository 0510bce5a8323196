"""What the operators want to know about a program, worked out when first asked for."""

from __future__ import annotations

import ast
from functools import cached_property

from evolve.mutate.builtin.kinds import Kind, infer, kind_of
from evolve.mutate.builtin.places import Function, Site
from evolve.mutate.builtin.program import Program
from evolve.mutate.builtin.syntax import dotted, fewer_nodes, leaves, names_read
from evolve.mutate.builtin.units import Unit, unit_of, unit_of_name

LARGE = 12
"""Nodes from which on an expression of the program is not taken as a building block."""


class Analysis:
    """A program, the likely kinds and units of what is in it, and the building blocks that it offers."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._returns: dict[Function | None, list[ast.expr]] = {}

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The likely kind of every dotted name."""
        return infer(self.program.sites, self.program.spots, self.program.functions)

    @cached_property
    def sites(self) -> dict[Kind, list[Site]]:
        """The places where an expression may change, by the likely kind of what is there.

        In an exact place a number counts as an integer.
        """
        found: dict[Kind, list[Site]] = {kind: [] for kind in Kind}
        for site in self.program.sites:
            kind = kind_of(site.node, self.kinds)
            found[Kind.INTEGER if kind is Kind.NUMBER and site.exact else kind].append(site)
        return found

    @cached_property
    def has_arrays(self) -> bool:
        """Whether the program uses numpy: a list times 1.5 is an error, an array is not."""
        return bool({"np", "numpy"} & self.program.flow.names)

    @cached_property
    def units(self) -> dict[str, Unit]:
        """The unit of every dotted name: its ending, or that of what it was assigned from."""
        found = {key: unit_of_name(key) for key in self.kinds}
        for spot in self.program.spots:
            match spot.node:
                case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=value):
                    key = dotted(target)
                    if key is not None and not found.get(key):
                        found[key] = unit_of(value, found)
        return found

    @cached_property
    def blocks(self) -> list[tuple[ast.expr, tuple[str, ...]]]:
        """Small arithmetic expressions of the program, with the dotted names that they read."""
        return _reading([s.node for s in self.sites[Kind.NUMBER] if isinstance(s.node, ast.BinOp | ast.Call)])

    @cached_property
    def conditions(self) -> list[tuple[ast.expr, tuple[str, ...]]]:
        """Small truth values of the program (comparisons, flags, `not` of them), like `blocks`."""
        unfit = ast.Constant | ast.BoolOp
        return _reading([s.node for s in self.sites[Kind.TRUTH] if not isinstance(s.node, unfit)])

    @cached_property
    def strings(self) -> list[str]:
        """The strings that the program compares, assigns or returns; docstrings and messages are left out."""
        listed = [
            s.node.value
            for s in self.sites[Kind.STRING]
            if isinstance(s.node, ast.Constant)
            and isinstance(s.node.value, str)
            and isinstance(s.parent, ast.Return | ast.Compare | ast.IfExp | ast.Assign | ast.Tuple)
        ]
        return list(dict.fromkeys(listed))

    def returns(self, function: Function | None) -> list[ast.expr]:
        """Return the small values that a function may return, each once; both arms of conditional ones."""
        if function in self._returns:
            return self._returns[function]
        values = [
            spot.node.value
            for spot in self.program.spots
            if spot.function is function and isinstance(spot.node, ast.Return) and spot.node.value is not None
        ]
        self._returns[function] = _distinct([leaf for value in values for leaf in leaves(value)])
        return self._returns[function]

    def unit(self, node: ast.expr) -> Unit:
        """Return the unit of an expression, () when it has none or it cannot be told."""
        return unit_of(node, self.units)


def _reading(nodes: list[ast.expr]) -> list[tuple[ast.expr, tuple[str, ...]]]:
    return [(node, names_read(node)) for node in nodes if fewer_nodes(node, LARGE)]


def _distinct(nodes: list[ast.expr]) -> list[ast.expr]:
    return list({ast.dump(node): node for node in nodes if fewer_nodes(node, LARGE)}.values())
