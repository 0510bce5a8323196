"""Whether two programs are one and the same, faster than by their fingerprints."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def same(one: ast.AST, two: ast.AST) -> bool:
    """Whether two parsed programs are the same but for layout, comments and docstrings.

    Fingerprints leave out the names of local variables too, which no operator changes. Stops at the first difference.
    """
    waiting: list[tuple[object, object]] = [(one, two)]
    while waiting:
        a, b = waiting.pop()
        if a.__class__ is not b.__class__:
            return False
        if isinstance(a, list):
            assert isinstance(b, list)
            if len(a) != len(b):
                return False
            waiting.extend(zip(a, b, strict=True))
        elif isinstance(a, ast.AST):
            for field in a._fields:
                x, y = getattr(a, field, None), getattr(b, field, None)
                if field == "body" and isinstance(a, DOCUMENTED):
                    x, y = _without_docstring(x), _without_docstring(y)
                if x is not y:
                    waiting.append((x, y))
        elif a != b or (isinstance(a, float | complex) and repr(a) != repr(b)):  # 0.0 and -0.0 are equal, not the same
            return False
    return True


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _without_docstring(body: Iterable[ast.stmt] | None) -> list[ast.stmt]:
    statements_left = list(body or ())
    match statements_left:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest or [_PASS]
    return statements_left


_PASS = ast.Pass()
