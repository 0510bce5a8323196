"""Small questions to a syntax tree, and the making of small nodes."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from typing import TypeVar


def span(statement: ast.stmt) -> tuple[int, int]:
    """Return the first and last line of a statement, its decorators included."""
    decorators = getattr(statement, "decorator_list", None)
    first = decorators[0].lineno if decorators else statement.lineno
    return first, statement.end_lineno or statement.lineno


def dotted(node: ast.AST) -> str | None:
    """Return "obs.done_s" for a name or a chain of attributes of a name, else None."""
    if isinstance(node, ast.Name):
        return node.id
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def parts(node: ast.AST) -> list[ast.AST]:
    """Return the children of a node, operators and contexts left out; `ast.iter_child_nodes` takes twice as long."""
    found: list[ast.AST] = []
    for field in node._fields:
        value = getattr(node, field, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.expr | ast.keyword | ast.arguments):
            found.append(value)
    return found


def names_read(node: ast.AST) -> tuple[str, ...]:
    """Return the dotted names in a tree: "obs.done_s" for the whole chain, not "obs" as well."""
    found: list[str] = []
    waiting: list[ast.AST] = [node]
    while waiting:
        item = waiting.pop()
        key = dotted(item) if isinstance(item, ast.Name | ast.Attribute) else None
        if key is not None:
            found.append(key)
        elif not isinstance(item, ast.Constant):
            waiting += parts(item)
    return tuple(found)


def called(node: ast.Call) -> str:
    """Return the last name of what is called: "ceil" for math.ceil(x) and for ceil(x); "" when it has none."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def fewer_nodes(node: ast.AST, limit: int) -> bool:
    """Whether a tree has fewer than `limit` expressions and statements; looks at no more of it than that."""
    waiting: list[ast.AST] = [node]
    count = 0
    while waiting:
        item = waiting.pop()
        count += isinstance(item, ast.expr | ast.stmt)
        if count >= limit:
            return False
        if not isinstance(item, ast.Name | ast.Constant):
            waiting += parts(item)
    return True


Node = TypeVar("Node")


def copied(node: Node) -> Node:
    """Return a deep copy of a tree, without the places in the text."""
    if isinstance(node, list):
        return [copied(item) for item in node]  # type: ignore[return-value]
    if not isinstance(node, ast.AST):
        return node
    return node.__class__(**{field: copied(value) for field, value in ast.iter_fields(node)})


def leaves(value: ast.expr) -> Iterator[ast.expr]:
    """Yield what an expression may come to: both arms of a conditional expression, else itself."""
    if isinstance(value, ast.IfExp):
        yield from leaves(value.body)
        yield from leaves(value.orelse)
    else:
        yield value


def read(key: str) -> ast.expr:
    """Return the expression that reads a dotted name."""
    first, *rest = key.split(".")
    node: ast.expr = ast.Name(first, ast.Load())
    for attribute in rest:
        node = ast.Attribute(node, attribute, ast.Load())
    return node


def stored(key: str) -> ast.expr:
    """Return the target that binds a dotted name."""
    node = read(key)
    assert isinstance(node, ast.Name | ast.Attribute)
    node.ctx = ast.Store()
    return node


def call(name: str, *arguments: ast.expr) -> ast.expr:
    """Return the call of a function by its name."""
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def constant(value: float) -> ast.expr:
    """Return the expression of a number; a negative one as the parser would read it."""
    if value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def round_figure(value: float, digits: int = 3) -> float:
    """Return a float at a few significant digits, as a person would write it; finite whatever comes in."""
    if not math.isfinite(value):
        return math.copysign(1e300, value) if not math.isnan(value) else 1.0
    return float(f"{value:.{digits}g}")


def negated(node: ast.expr) -> ast.expr:
    """Return the opposite of a truth value, without piling up `not`."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return copied(operand)
        case ast.Compare(ops=[operator]) if type(operator) in OPPOSITES:
            opposite = OPPOSITES[type(operator)]()
            return ast.Compare(copied(node.left), [opposite], [copied(c) for c in node.comparators])
    return ast.UnaryOp(ast.Not(), copied(node))


OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
