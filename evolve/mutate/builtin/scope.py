"""Which names are bound where: what tells a child that runs from one that stops at a NameError."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence

from evolve.mutate.builtin.bindings import (
    Bound,
    captures,
    declared,
    names_bound,
    parameter_names,
    stored,
    stored_attributes,
)

BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


class Flow:
    """Follows a program from statement to statement, as it would run.

    Attributes of `self` count as names ("self.margin"): those that the class body or `__init__` binds are there in
    every other method. Loops and `try` are followed once, as if they ran to their end.

    Attributes:
        before: statement -> the names that are surely bound before it runs; no entry when it cannot be reached.
        loose: names that are read where nothing has surely bound them, with what reads them.
        names: what the program binds at its top level.
        falls: functions that can come to their end without a return.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.before: dict[ast.stmt, Bound] = {}
        self.loose: dict[tuple[str, str], None] = {}
        self.falls: dict[str, None] = {}
        self._where = ""
        self.names = names_bound(tree.body)
        self._global: Bound = BUILTINS | self.names
        self._later: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str, Bound, Bound]] = []
        self._own: Bound = self._global
        self._block(tree.body, BUILTINS)
        while self._later:
            self._function(*self._later.pop(0))

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, where: str, outer: Bound, attributes: Bound
    ) -> None:
        parameters = frozenset(parameter_names(node.args))
        own = names_bound(node.body) - declared(node.body)
        self._where = where
        self._own = own | {a for a in attributes if a.startswith("self.")}
        start = (outer - own) | parameters | attributes
        if self._block(node.body, start) is not None:
            self.falls[where] = None

    def _block(self, statements: Sequence[ast.stmt], bound: Bound) -> Bound | None:
        """Return what is bound after the statements, None when they never come to their end."""
        for statement in statements:
            self.before[statement] = bound
            after = self._statement(statement, bound)
            if after is None:
                return None
            bound = after
        return bound

    def _statement(self, node: ast.stmt, bound: Bound) -> Bound | None:
        match node:
            case ast.Return():
                self._read(node.value, bound)
                return None
            case ast.Raise():
                self._read(node.exc, bound)
                return None
            case ast.Break() | ast.Continue():
                return None
            case ast.Assign():
                bound = self._read(node.value, bound)
                return bound | self._targets(node.targets, bound)
            case ast.AugAssign():
                bound = self._read(node.value, bound)
                target = ast.copy_location(_as_read(node.target), node.target)
                self._read(target, bound)
                return bound | self._targets([node.target], bound)
            case ast.AnnAssign():
                if node.value is None:
                    return bound
                bound = self._read(node.value, bound)
                return bound | self._targets([node.target], bound)
            case ast.If():
                bound = self._read(node.test, bound)
                return _joined(self._block(node.body, bound), self._block(node.orelse, bound))
            case ast.While():
                bound = self._read(node.test, bound)
                after = self._block(node.body, bound)
                self._block(node.orelse, bound)
                endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
                return (after or bound | names_bound(node.body)) if endless and _breaks(node) else _loop(endless, bound)
            case ast.For() | ast.AsyncFor():
                bound = self._read(node.iter, bound)
                inside = bound | self._targets([node.target], bound)
                self._block(node.body, inside)
                self._block(node.orelse, bound)
                # what a loop binds is often read after it, on the strength of a loop that runs at least once
                return inside | (names_bound(node.body) & self._own)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    bound = self._read(item.context_expr, bound)
                    if item.optional_vars is not None:
                        bound |= self._targets([item.optional_vars], bound)
                return self._block(node.body, bound)
            case ast.Try() | ast.TryStar():
                return self._try(node, bound)
            case ast.Match():
                return self._match(node, bound)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for default in [*node.args.defaults, *node.args.kw_defaults, *node.decorator_list]:
                    self._read(default, bound)
                inner = bound | self._own if self._where else self._global
                self._later.append((node, f"{self._where}.{node.name}", inner, frozenset()))
                return bound | {node.name}
            case ast.ClassDef():
                self._class(node, bound)
                return bound | {node.name}
            case ast.Import() | ast.ImportFrom():
                return bound | names_bound([node])
            case ast.Expr():
                return self._read(node.value, bound)
            case ast.Assert():
                return self._read(node.test, bound)
        return bound

    def _class(self, node: ast.ClassDef, bound: Bound) -> None:
        where = f"{self._where}.{node.name}"
        outer = bound | self._own if self._where else self._global
        methods = [m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef)]
        body = {f"self.{name}" for name in names_bound(node.body)}
        first = next((m for m in methods if m.name == "__init__"), None)
        known = frozenset(body.union(stored_attributes(first.body) if first else ()))
        inherits = any(not (isinstance(b, ast.Name) and b.id == "object") for b in node.bases) or node.keywords
        before = self._where
        self._where = where
        inside = bound
        for statement in node.body:
            self.before[statement] = inside
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                attributes = _OPEN if inherits else frozenset(body) if statement is first else known
                self._later.append((statement, f"{where}.{statement.name}", outer, attributes | {"self.__class__"}))
                inside |= {statement.name}
            else:
                inside = self._statement(statement, inside) or inside
        self._where = before

    def _try(self, node: ast.Try | ast.TryStar, bound: Bound) -> Bound | None:
        after = self._block(node.body, bound)
        if after is not None:
            after = self._block(node.orelse, after)
        for handler in node.handlers:
            named = bound | ({handler.name} if handler.name else frozenset())
            after = _joined(after, self._block(handler.body, named))
        last = self._block(node.finalbody, bound)
        if last is None:
            return None
        return None if after is None else after | last

    def _match(self, node: ast.Match, bound: Bound) -> Bound | None:
        self._read(node.subject, bound)
        after: Bound | None = None
        complete = False
        for case in node.cases:
            captured = frozenset(captures(case.pattern))
            if case.guard is not None:
                self._read(case.guard, bound | captured)
            after = _joined(after, self._block(case.body, bound | captured))
            complete |= case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
        return after if complete else bound

    def _targets(self, targets: Iterable[ast.expr], bound: Bound) -> Bound:
        for target in targets:
            if not isinstance(target, ast.Name):
                self._read(target, bound)
        return frozenset(stored(targets))

    def _read(self, node: ast.AST | None, bound: Bound) -> Bound:
        """Note what an expression reads; return what is bound after it (`:=` binds)."""
        waiting: list[ast.AST] = [] if node is None else [node]
        while waiting:
            item = waiting.pop()
            kind = item.__class__
            if kind is ast.Name:
                if item.id not in bound and isinstance(item.ctx, ast.Load):  # type: ignore[attr-defined]
                    self.loose[self._where, item.id] = None  # type: ignore[attr-defined]
            elif kind is ast.Constant:
                pass
            elif kind is ast.Attribute:
                owner = item.value  # type: ignore[attr-defined]
                if owner.__class__ is ast.Name and owner.id == "self" and "self" in bound:
                    name = f"self.{item.attr}"  # type: ignore[attr-defined]
                    known = name in bound or "self.*" in bound or "self.__class__" not in bound
                    if not known and isinstance(item.ctx, ast.Load):  # type: ignore[attr-defined]
                        self.loose[self._where, name] = None
                else:
                    waiting.append(owner)
            elif kind in COMPREHENSIONS:
                inner = bound
                for generator in item.generators:  # type: ignore[attr-defined]
                    inner = self._read(generator.iter, inner) | frozenset(stored([generator.target]))
                    for test in generator.ifs:
                        inner = self._read(test, inner)
                for field in ("elt", "key", "value"):
                    self._read(getattr(item, field, None), inner)
            elif kind is ast.Lambda:
                self._read(item.body, bound | frozenset(parameter_names(item.args)))  # type: ignore[attr-defined]
            elif kind is ast.NamedExpr:
                bound = self._read(item.value, bound) | {item.target.id}  # type: ignore[attr-defined]
            else:
                for field in item._fields:
                    part = getattr(item, field, None)
                    if part.__class__ is list:
                        waiting += [p for p in part if isinstance(p, ast.AST)]
                    elif isinstance(part, ast.expr | ast.keyword | ast.Slice):
                        waiting.append(part)
        return bound


_OPEN: Bound = frozenset({"self.*"})
"""The attributes of a class that inherits: anything may be there."""


def _joined(one: Bound | None, other: Bound | None) -> Bound | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _loop(endless: bool, bound: Bound) -> Bound | None:
    return None if endless else bound


def _breaks(node: ast.While) -> bool:
    return any(isinstance(n, ast.Break) for n in ast.walk(node))


def _as_read(target: ast.expr) -> ast.expr:
    match target:
        case ast.Name(id=name):
            return ast.Name(name, ast.Load())
        case ast.Attribute(value=value, attr=attr):
            return ast.Attribute(value, attr, ast.Load())
    return target
