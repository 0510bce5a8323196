"""Code that a model has left out: "# ... rest unchanged ...", a body of dots, a function that is not there."""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from evolve.mutate.answers.elisions import placeholder
from evolve.mutate.source import top_level, tree_of

_OPEN_ENDED = frozenset({"Protocol", "ABC", "ABCMeta"})
_KNOWN = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__builtins__", "__spec__", "__annotations__"}


def left_out(parent_source: str, child_source: str, new: Sequence[str]) -> str:
    """Return what a child leaves out that its parent has, in a few words; "" where nothing is.

    new: the lines that the answer wrote, among them those that are its parent's as they are.
    Left out is what a placeholder stands for, a body that is no more than `...`, `pass` or NotImplementedError where
    the parent's function of that name does something (but for an `__init__` of a class that keeps nothing in self),
    and a name of the parent's module that is used and not bound.
    """
    try:
        parent, child = _parent(parent_source), tree_of(child_source)
    except SyntaxError:
        return ""
    known, bodies = parent.lines, parent.bodies
    for line in new:
        # Of dots alone the tree tells.
        if placeholder(line, bodies) and line.strip() not in known and line.strip() != "...":
            return f"`{line.strip()[:80]}`"
    for name, node in _functions(child):
        if _is_stub(node) and name in bodies and not _is_stub(bodies[name]) and not _needs_no_body(name, child):
            return f"the body of `{name}`"
    if "..." in child_source and _dots(child) > parent.dots:
        return "`...`"
    gone = sorted(parent.bound & undefined(child))
    return f"`{gone[0]}`, which it uses" if gone else ""


class _Parent(NamedTuple):
    """What a child is compared with. bound: names at the top level."""

    lines: frozenset[str]
    bodies: Mapping[str, ast.stmt]
    dots: int
    bound: frozenset[str]


@functools.lru_cache(maxsize=4)
def _parent(source: str) -> _Parent:
    """Return what is known of a parent, which has many children. Raises SyntaxError."""
    tree = tree_of(source)
    lines = frozenset(line.strip() for line in source.split("\n"))
    return _Parent(lines, dict(_functions(tree)), _dots(tree), frozenset(_bound(top_level(tree))))


def undefined(tree: ast.Module) -> set[str]:
    """Return the names that a program reads and binds nowhere, in no scope; none where it imports a `*`."""
    read: set[str] = set()
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            read.add(node.id)
        elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return set()
    return read - _bound(nodes) - _KNOWN


def _bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that some nodes bind."""
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.arg(arg=name) | ast.MatchStar(name=str(name)) | ast.MatchAs(name=str(name)):
                names.add(name)
            case ast.MatchMapping(rest=str(name)) | ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name.partition(".")[0])
            case ast.Global(names=declared) | ast.Nonlocal(names=declared):
                names.update(declared)
    return names


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the functions, classes and methods of a program by their names."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not _is_open_ended(node):
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{method.name}", method


def _is_stub(node: ast.stmt) -> bool:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return all(_says_nothing(statement) for statement in node.body)


def _needs_no_body(name: str, tree: ast.Module) -> bool:
    """Tell whether a function is the `__init__`, a plain `pass`, of a class that reads nothing of self but methods."""
    owner, _, method = name.partition(".")
    if method != "__init__":
        return False
    *_, node = (one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == owner)
    members = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    kept = set(members) | _bound(top_level(ast.Module(node.body, [])))
    attributes = [one for one in ast.walk(node) if isinstance(one, ast.Attribute) and _is_self(one.value)]
    kept |= {one.attr for one in attributes if isinstance(one.ctx, ast.Store)}
    return isinstance(members[method].body[-1], ast.Pass) and {one.attr for one in attributes} <= kept


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _says_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()) | ast.Return(value=None | ast.Constant(value=None)):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
    return False


def _is_open_ended(node: ast.ClassDef) -> bool:
    bases = [*node.bases, *(keyword.value for keyword in node.keywords)]
    return any(isinstance(base, ast.Name) and base.id in _OPEN_ENDED for base in bases)


def _dots(tree: ast.Module) -> int:
    """Return how often `...` stands for code or data: in no subscript, and in no protocol's method."""
    count = 0
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Constant) and node.value is ...:
            count += 1
        for child in ast.iter_child_nodes(node):
            if isinstance(node, ast.Subscript) and child is node.slice:
                continue
            if not (isinstance(child, ast.ClassDef) and _is_open_ended(child)):
                waiting.append(child)
    return count
