"""What an expression is likely to be (a number, a truth value, an array ...), guessed from how the program uses it.

No types are needed for a mutation to be legal; they are what makes most children run.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from evolve.mutate.builtin.places import Function, Site, Spot
from evolve.mutate.builtin.syntax import called, dotted


class Kind(StrEnum):
    """The kinds that operators tell apart, the strongest evidence first. INDEX: an array of integers."""

    INDEX = "index"
    ARRAY = "array"
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    TRUTH = "truth"
    OTHER = "other"


STRENGTH = {kind: place for place, kind in enumerate(Kind)}
WHOLE = (Kind.INTEGER, Kind.INDEX)
ARRAYS = (Kind.ARRAY, Kind.INDEX)
NUMBERS = (Kind.NUMBER, Kind.INTEGER)

ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
NUMBER_CALLS = frozenset(
    "min max abs float sum ceil floor sqrt exp log log2 log10 log1p expm1 pow hypot sin cos tan tanh fabs trunc"
    " copysign item round".split()
)
TRUTH_CALLS = frozenset("bool any all isinstance hasattr callable isfinite isnan startswith endswith".split())
MAKERS = frozenset("range arange zeros ones empty full eye identity linspace".split())
"""Functions whose first argument is a count or a shape."""
ARRAY_METHODS = frozenset(
    "sum mean max min std var argsort argmax argmin sort copy astype reshape cumsum prod shape size T ravel flatten"
    " dtype ndim any all nonzero clip dot transpose fill tolist".split()
)
"""What an array is asked for: a name with such an attribute is one."""
INDEX_RESULTS = frozenset("argsort argmax argmin arange nonzero searchsorted digitize bincount argpartition".split())
KEEPERS = frozenset("tile repeat take_along_axis concatenate reshape copy ravel flatten roll sort transpose T".split())
"""Functions whose result is what their first argument is."""
NUMPY = ("np", "numpy")


def infer(sites: Iterable[Site], spots: Iterable[Spot], functions: Iterable[Function]) -> dict[str, Kind]:
    """Return the likely kind of every name and chain of attributes that a program reads or assigns."""
    return _Evidence(list(sites), list(spots), {f.name: f for f in functions}).kinds


class _Evidence:
    def __init__(self, sites: list[Site], spots: list[Spot], functions: Mapping[str, Function]) -> None:
        self.kinds: dict[str, Kind] = {}
        for site in sites:
            self._used(site)
        for _ in range(2):  # a local of a local: twice is enough for what people write
            for spot in spots:
                self._assigned(spot.node)
            for site in sites:
                if isinstance(site.node, ast.Call) and called(site.node) in functions:
                    self._passed(site.node, functions[called(site.node)])

    def _note(self, key: str | None, kind: Kind) -> None:
        if key is None or kind is Kind.OTHER:
            return
        known = self.kinds.get(key)
        if known is None or STRENGTH[kind] < STRENGTH[known]:
            # what is an array and also an index is an array of indices
            self.kinds[key] = Kind.INDEX if {kind, known} == {Kind.ARRAY, Kind.INTEGER} else kind

    def _used(self, site: Site) -> None:
        node = site.node
        key = dotted(node) if isinstance(node, ast.Name | ast.Attribute) else None
        if key is not None:
            self._note(key, _evidence(site))
            if isinstance(node, ast.Attribute) and node.attr in ARRAY_METHODS:
                self._note(key.rpartition(".")[0], Kind.ARRAY)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ARRAY_METHODS:
            owner = dotted(node.func.value)
            if owner not in (*NUMPY, "math"):
                self._note(owner, Kind.ARRAY)

    def _assigned(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                kind = kind_of(value, self.kinds)
                for target in targets:
                    self._note(dotted(target), kind)
                    if isinstance(target, ast.Tuple) and isinstance(value, ast.Attribute) and value.attr == "shape":
                        for element in target.elts:
                            self._note(dotted(element), Kind.INTEGER)
            case ast.AugAssign(target=target):
                self._note(dotted(target), Kind.NUMBER)
            case ast.For(target=ast.Name(id=name), iter=ast.Call() as call) if called(call) == "range":
                self._note(name, Kind.INTEGER)

    def _passed(self, call: ast.Call, function: Function) -> None:
        for parameter, argument in zip(function.args.args, call.args, strict=False):
            self._note(parameter.arg, kind_of(argument, self.kinds))
            self._note(dotted(argument), self.kinds.get(parameter.arg, Kind.OTHER))


def _evidence(site: Site) -> Kind:
    """Return what a name must be, from the operation that it is used in."""
    parent = site.parent
    kind = parent.__class__
    if kind is ast.BinOp:
        return _operand(parent)  # type: ignore[arg-type]
    if kind is ast.Call:
        return _argument(site, parent)  # type: ignore[arg-type]
    if kind is ast.Compare:
        return _side(parent)  # type: ignore[arg-type]
    if kind is ast.Subscript:
        return Kind.ARRAY if site.field == "value" else Kind.INTEGER
    if kind is ast.UnaryOp:
        return Kind.TRUTH if isinstance(parent.op, ast.Not) else Kind.NUMBER  # type: ignore[attr-defined]
    if kind in (ast.BoolOp, ast.If, ast.While) or (kind is ast.IfExp and site.field == "test"):
        return Kind.TRUTH
    if kind is ast.Slice or (kind is ast.Tuple and site.exact):
        return Kind.INTEGER
    return Kind.OTHER


def _operand(parent: ast.BinOp) -> Kind:
    if isinstance(parent.left, ast.Constant) and isinstance(parent.left.value, str):
        return Kind.OTHER
    return Kind.INTEGER if isinstance(parent.op, ast.FloorDiv | ast.Mod) else Kind.NUMBER


def _side(parent: ast.Compare) -> Kind:
    if isinstance(parent.ops[0], ORDERING):
        return Kind.NUMBER
    constants = (side for side in (parent.left, *parent.comparators) if isinstance(side, ast.Constant))
    return kind_of(next(constants, None), {})


def _argument(site: Site, call: ast.Call) -> Kind:
    name = called(call)
    if name in MAKERS:
        return Kind.INTEGER if site.at == 0 or name == "range" else Kind.OTHER
    if name in ("bool", "any", "all"):
        return Kind.TRUTH
    if isinstance(call.func, ast.Attribute) and dotted(call.func.value) in NUMPY:
        return Kind.ARRAY if site.at == 0 else Kind.OTHER
    folds = name in ("min", "max")
    if name in NUMBER_CALLS and name not in ("sum", "item") and (len(call.args) > 1 or not folds):
        return Kind.NUMBER
    return Kind.OTHER


def kind_of(node: ast.AST | None, kinds: Mapping[str, Kind]) -> Kind:
    """Return the likely kind of an expression. kinds: what `infer` found."""
    # by class, the frequent ones first: this is asked of every expression of every parent
    rule = _RULES.get(node.__class__)
    return Kind.OTHER if rule is None else rule(node, kinds)


def _constant(node: ast.Constant, kinds: Mapping[str, Kind]) -> Kind:
    if isinstance(node.value, bool):
        return Kind.TRUTH
    if isinstance(node.value, int | float):
        return Kind.NUMBER
    return Kind.STRING if isinstance(node.value, str) else Kind.OTHER


def _compared(node: ast.Compare, kinds: Mapping[str, Kind]) -> Kind:
    arrays = any(kind_of(side, kinds) in ARRAYS for side in (node.left, *node.comparators))
    return Kind.OTHER if arrays else Kind.TRUTH


def _unary(node: ast.UnaryOp, kinds: Mapping[str, Kind]) -> Kind:
    return Kind.TRUTH if isinstance(node.op, ast.Not) else kind_of(node.operand, kinds)


def _part(node: ast.Subscript, kinds: Mapping[str, Kind]) -> Kind:
    if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        return Kind.INTEGER
    kind = kind_of(node.value, kinds)
    return kind if kind in ARRAYS else Kind.OTHER


def _arithmetic(node: ast.BinOp, kinds: Mapping[str, Kind]) -> Kind:
    sides = [kind_of(side, kinds) for side in (node.left, node.right)]
    whole = [k in WHOLE or _is_int(side) for k, side in zip(sides, (node.left, node.right), strict=True)]
    stays_whole = all(whole) and any(k in WHOLE for k in sides) and not isinstance(node.op, ast.Div | ast.Pow)
    if any(k in ARRAYS for k in sides):
        return Kind.INDEX if stays_whole else Kind.ARRAY
    if Kind.STRING in sides:
        return Kind.STRING
    if stays_whole:
        return Kind.INTEGER
    if Kind.OTHER in sides and not any(k in NUMBERS for k in sides):
        return Kind.NUMBER if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv) else Kind.OTHER
    return Kind.NUMBER


def _is_int(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _result(node: ast.Call, kinds: Mapping[str, Kind]) -> Kind:
    name = called(node)
    owner = dotted(node.func.value) if isinstance(node.func, ast.Attribute) else None
    if isinstance(node.func, ast.Name) or owner == "math":
        if name in ("len", "int"):
            return Kind.INTEGER
        if name in NUMBER_CALLS:
            inner = {kind_of(a, kinds) for a in node.args}
            return Kind.INTEGER if inner == {Kind.INTEGER} and name in ("min", "max", "abs") else Kind.NUMBER
        return Kind.TRUTH if name in TRUTH_CALLS else Kind.OTHER
    if name == "item":
        return Kind.NUMBER
    if name in INDEX_RESULTS or any(dotted(k.value) in ("int", "np.int64", "np.intp") for k in node.keywords):
        return Kind.INDEX
    if owner in NUMPY and node.args:
        kind = kind_of(node.args[0], kinds) if name in KEEPERS else Kind.ARRAY
        return kind if kind in ARRAYS else Kind.ARRAY
    if isinstance(node.func, ast.Attribute) and name in ARRAY_METHODS:
        kind = kind_of(node.func.value, kinds) if name in KEEPERS else Kind.ARRAY
        return kind if kind in ARRAYS else Kind.ARRAY
    return Kind.OTHER


_RULES: dict[type, Callable[[Any, Mapping[str, Kind]], Kind]] = {
    ast.Name: lambda node, kinds: kinds.get(node.id, Kind.OTHER),
    ast.Attribute: lambda node, kinds: kinds.get(dotted(node) or "", Kind.OTHER),
    ast.Constant: _constant,
    ast.BinOp: _arithmetic,
    ast.Compare: _compared,
    ast.BoolOp: lambda node, kinds: Kind.TRUTH,
    ast.UnaryOp: _unary,
    ast.IfExp: lambda node, kinds: kind_of(node.body, kinds),
    ast.Call: _result,
    ast.Subscript: _part,
}
