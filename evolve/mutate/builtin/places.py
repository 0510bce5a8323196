"""Where a program may change: one walk, in the order of the text, that every operator draws from."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from evolve.mutate.builtin.syntax import called, dotted, span

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

INTEGER_CALLS = frozenset(
    "range arange zeros ones empty full eye identity reshape repeat tile linspace array_split split roll integers"
    " choice permutation take argpartition partition randint islice".split()
)
"""Functions whose arguments are counts, shapes or indices: a float there is an error."""

SETTINGS = ("axis", "dtype", "kind", "order", "keepdims", "ndmin", "shape", "mode", "casting")
"""Keywords of numpy that say how, not how much: nearly every other value is an error."""

NOT_RENDERED = (ast.JoinedStr, ast.Yield, ast.YieldFrom, ast.Await)
"""Left alone: an f-string cannot hold every expression in Python 3.11; the others change what a function is."""


class Site(NamedTuple):
    """An expression that may change.

    parent, field, at: where it hangs; at is None unless the field is a list.
    statement: the innermost statement around it.  function: the innermost function, None at module or class level.
    exact: its type must stay (an index, a shape, what a method is called on).
    """

    node: ast.expr
    parent: ast.AST
    field: str
    at: int | None
    statement: ast.stmt
    function: Function | None
    exact: bool


class Spot(NamedTuple):
    """A statement that may change.  owner, field: the list of statements that it stands in."""

    node: ast.stmt
    owner: ast.AST
    field: str
    function: Function | None
    classdef: ast.ClassDef | None

    @property
    def siblings(self) -> list[ast.stmt]:
        """The list of statements that it stands in."""
        found: list[ast.stmt] = getattr(self.owner, self.field)
        return found

    @property
    def position(self) -> int | None:
        """Its place among its siblings; None when a change has put something else there."""
        return next((i for i, s in enumerate(self.siblings) if s is self.node), None)


class Places:
    """The expressions and statements of a program that may change.

    Attributes:
        sites, spots: the expressions and the statements, in the order of the text.
        functions: each function that is not inside another one, with its class, if any.
        nodes: how many expressions and statements there are, those that may not change included.
        spot_of: where each statement stands.
        around: a statement, handler or case -> what it stands in.
    """

    def __init__(self, tree: ast.Module, free: Callable[[int, int], bool]) -> None:
        self.sites: list[Site] = []
        self.spots: list[Spot] = []
        self.functions: dict[Function, ast.ClassDef | None] = {}
        self.nodes = 0
        self.spot_of: dict[ast.stmt, Spot] = {}
        self.around: dict[ast.AST, ast.AST] = {}
        self._free = free
        self._whole = False
        self._statement: ast.stmt = ast.Pass()
        self._function: Function | None = None
        self._block(tree, "body", None, None)

    def _block(self, owner: ast.AST, field: str, function: Function | None, classdef: ast.ClassDef | None) -> None:
        for statement in getattr(owner, field):
            spot = Spot(statement, owner, field, function, classdef)
            self.spot_of[statement] = spot
            self.around[statement] = owner
            self.nodes += 1
            outer = self._whole
            self._whole = outer or self._free(*span(statement))
            if self._whole:
                self.spots.append(spot)
            self._statement, self._function = statement, function
            for name, exact in HEADERS.get(statement.__class__, ()):
                part = getattr(statement, name)
                if part is not None and not (exact and isinstance(part, ast.Constant)):  # no docstrings
                    self._expression(part, statement, name, None, exact)
            self._inner(statement, function, classdef)
            self._whole = outer

    def _inner(self, statement: ast.stmt, function: Function | None, classdef: ast.ClassDef | None) -> None:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if function is None:
                    self.functions[statement] = classdef
                for i, default in enumerate(statement.args.defaults):
                    self._expression(default, statement.args, "defaults", i, True)
                self._block(statement, "body", statement, None)
            case ast.ClassDef():
                self._block(statement, "body", None, statement)
            case ast.Match():
                for case in statement.cases:
                    self.around[case] = statement
                    if case.guard is not None:
                        self._statement, self._function = statement, function
                        self._expression(case.guard, case, "guard", None, False)
                    self._block(case, "body", function, None)
            case _:
                for field in ("body", "handlers", "orelse", "finalbody"):
                    if field == "handlers":
                        for handler in getattr(statement, field, ()):
                            self.around[handler] = statement
                            self._block(handler, "body", function, None)
                    elif getattr(statement, field, None):
                        self._block(statement, field, function, None)

    def _expression(self, node: ast.expr, parent: ast.AST, field: str, at: int | None, exact: bool) -> None:
        self.nodes += 1
        kind = node.__class__
        if kind in NOT_RENDERED:
            return
        free = self._whole or self._free(node.lineno, node.end_lineno or node.lineno)
        if free and kind is not ast.Starred and kind is not ast.Slice:
            self.sites.append(Site(node, parent, field, at, self._statement, self._function, exact))
        if kind is ast.Name or kind is ast.Constant:
            return
        for name, rule in PARTS.get(kind, ()):
            part = getattr(node, name)
            inner = exact if rule is None else rule
            if part.__class__ is list:
                for i, item in enumerate(part):
                    if item is not None:
                        self._expression(item, node, name, i, inner)
            elif part is not None:
                self._expression(part, node, name, None, inner)
        match node:
            case ast.Attribute() if dotted(node) is None:
                self._expression(node.value, node, "value", None, True)
            case ast.Call():
                self._call(node)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                for generator in node.generators:
                    self._expression(generator.iter, generator, "iter", None, True)
                    for i, test in enumerate(generator.ifs):
                        self._expression(test, generator, "ifs", i, False)

    def _call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and dotted(node.func) is None:
            self._expression(node.func.value, node.func, "value", None, True)
        counts = called(node) in INTEGER_CALLS
        for i, argument in enumerate(node.args):
            self._expression(argument, node, "args", i, counts)
        for keyword in node.keywords:
            if keyword.arg not in SETTINGS:
                self._expression(keyword.value, keyword, "value", None, True)


HEADERS: dict[type[ast.stmt], tuple[tuple[str, bool], ...]] = {
    ast.Assign: (("value", False),),
    ast.AugAssign: (("value", False),),
    ast.AnnAssign: (("value", False),),
    ast.Return: (("value", False),),
    ast.Expr: (("value", True),),
    ast.If: (("test", False),),
    ast.While: (("test", False),),
    ast.For: (("iter", True),),
    ast.AsyncFor: (("iter", True),),
}
"""Expressions of a statement: (field, whether its type must stay)."""

PARTS: dict[type[ast.expr], tuple[tuple[str, bool | None], ...]] = {
    ast.BinOp: (("left", None), ("right", None)),
    ast.Compare: (("left", False), ("comparators", False)),
    ast.BoolOp: (("values", None),),
    ast.UnaryOp: (("operand", None),),
    ast.IfExp: (("test", False), ("body", None), ("orelse", None)),
    ast.Subscript: (("value", True), ("slice", True)),
    ast.Slice: (("lower", True), ("upper", True), ("step", True)),
    ast.Starred: (("value", True),),
    ast.Lambda: (("body", False),),
    ast.ListComp: (("elt", None),),
    ast.SetComp: (("elt", None),),
    ast.GeneratorExp: (("elt", None),),
    ast.DictComp: (("value", None),),
    ast.Tuple: (("elts", None),),
    ast.List: (("elts", None),),
    ast.Set: (("elts", None),),
    ast.Dict: (("values", None),),
    ast.NamedExpr: (("value", None),),
}
"""Expressions of an expression: (field, whether its type must stay; None: as around it)."""
