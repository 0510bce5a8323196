"""Which names statements bind, wherever they stand in them. "self.x" counts as a name."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

Bound = frozenset[str]


def stored(targets: Iterable[ast.expr]) -> list[str]:
    """Return the names, "self.x" among them, that targets of an assignment bind."""
    found: list[str] = []
    waiting = list(targets)
    while waiting:
        target = waiting.pop()
        match target:
            case ast.Name(id=name):
                found.append(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=attr):
                found.append(f"self.{attr}")
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                waiting += elements
            case ast.Starred(value=value):
                waiting.append(value)
    return found


def captures(pattern: ast.AST) -> list[str]:
    """Return the names that a pattern of `match` binds."""
    return [
        n for p in ast.walk(pattern) for n in (getattr(p, "name", None), getattr(p, "rest", None)) if isinstance(n, str)
    ]


def parameter_names(arguments: ast.arguments) -> list[str]:
    """Return the names of a function's parameters."""
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [a.arg for a in listed if a is not None]


def names_bound(statements: Iterable[ast.stmt]) -> Bound:
    """Return the names that statements bind in their own scope, wherever in them; "self.x" among them.

    Names bound by `:=` are not among them: to look into every expression would cost more than it is worth.
    """
    found: list[str] = []
    for node in _own_statements(statements):
        kind = node.__class__
        if kind is ast.Assign:
            found += stored(node.targets)  # type: ignore[attr-defined]
        elif kind in _ONE_TARGET:
            found += stored([node.target])  # type: ignore[attr-defined]
        elif kind in _DEFINITIONS:
            found.append(node.name)  # type: ignore[attr-defined]
        elif kind is ast.Import or kind is ast.ImportFrom:
            found += [n.asname or n.name.partition(".")[0] for n in node.names]  # type: ignore[attr-defined]
        elif kind is ast.With or kind is ast.AsyncWith:
            items = node.items  # type: ignore[attr-defined]
            found += stored([i.optional_vars for i in items if i.optional_vars is not None])
        elif kind is ast.ExceptHandler and node.name:  # type: ignore[attr-defined]
            found.append(node.name)  # type: ignore[attr-defined]
        elif kind is ast.match_case:
            found += captures(node.pattern)  # type: ignore[attr-defined]
    return frozenset(found)


_ONE_TARGET = (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")


def _own_statements(statements: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield statements, handlers and cases and what is in them, the bodies of functions and classes left out."""
    waiting: list[ast.AST] = list(statements)
    while waiting:
        node = waiting.pop()
        yield node
        if node.__class__ not in _DEFINITIONS:
            for field in _BLOCKS:
                inner = getattr(node, field, None)
                if inner:
                    waiting += inner


def stored_attributes(statements: Iterable[ast.stmt]) -> list[str]:
    """Return "self.x" for every attribute of self that statements bind, in no particular order, sorted."""
    return sorted(name for name in names_bound(statements) if name.startswith("self."))


def declared(statements: Iterable[ast.stmt]) -> Bound:
    """Return the names that a function declares global or nonlocal."""
    listed = (s.names for s in _own_statements(statements) if isinstance(s, ast.Global | ast.Nonlocal))
    return frozenset(name for names in listed for name in names)
