"""Swaps of one operator for a related one: arithmetic, comparisons, truth values."""

from __future__ import annotations

import ast

from evolve.mutate.builtin.grow import COMPARISONS
from evolve.mutate.builtin.kinds import Kind, kind_of
from evolve.mutate.builtin.places import Site
from evolve.mutate.builtin.scene import Scene
from evolve.mutate.builtin.syntax import OPPOSITES, copied, negated

ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult, ast.Sub),
    ast.FloorDiv: (ast.Mult, ast.Sub),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
ADDITIVE = (ast.Add, ast.Sub)
TWINS = {
    "min": "max",
    "max": "min",
    "floor": "ceil",
    "ceil": "floor",
    "any": "all",
    "all": "any",
    "minimum": "maximum",
    "maximum": "minimum",
    "argmin": "argmax",
    "argmax": "argmin",
    "mean": "max",
    "log": "sqrt",
    "sqrt": "log1p",
}


def swap_arithmetic(scene: Scene) -> str | None:
    """Swap an arithmetic operator, the operands of one, or a function for its twin (min for max)."""
    kinds = scene.analysis.kinds
    places = [s for s in scene.program.sites if _is_arithmetic(s) or _twin(s)]
    site = scene.one(places)
    if site is None:
        return None
    edit = scene.edit()
    match site.node:
        case ast.BinOp(left=left, op=operator, right=right):
            sides = (kind_of(left, kinds), kind_of(right, kinds))
            if Kind.STRING in sides or (site.exact and Kind.OTHER in sides):
                return None
            choices = [o for o in ARITHMETIC.get(type(operator), ()) if not site.exact or o in ADDITIVE]
            if not isinstance(operator, ast.Add | ast.Mult) and scene.rng.random() < 0.15:
                edit.expression(site, ast.BinOp(right, operator, left))
            elif choices:
                edit.expression(site, ast.BinOp(left, scene.rng.choice(choices)(), right))
            else:
                return None
        case ast.Call(func=function, args=arguments, keywords=keywords):
            edit.expression(site, ast.Call(_renamed(function), arguments, keywords))
    return edit.finish()


def _is_arithmetic(site: Site) -> bool:
    return isinstance(site.node, ast.BinOp) and not isinstance(site.node.left, ast.List | ast.Tuple | ast.JoinedStr)


def _twin(site: Site) -> bool:
    match site.node:
        case ast.Call(func=ast.Name(id=name)):
            return name in ("min", "max", "any", "all")
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in TWINS
    return False


def _renamed(function: ast.expr) -> ast.expr:
    match function:
        case ast.Name(id=name):
            return ast.Name(TWINS[name], ast.Load())
        case ast.Attribute(value=value, attr=name):
            return ast.Attribute(value, TWINS[name], ast.Load())
    return function


def swap_comparison(scene: Scene) -> str | None:
    """Swap a comparison for another one, or for its opposite."""
    site = scene.one([s for s in scene.program.sites if isinstance(s.node, ast.Compare)])
    if site is None or in_while(site):
        return None
    assert isinstance(site.node, ast.Compare)
    node = site.node
    at = scene.rng.randrange(len(node.ops))
    operator = type(node.ops[at])
    if operator in COMPARISONS:
        new = scene.rng.choice([c for c in COMPARISONS if c is not operator])
    else:
        new = OPPOSITES[operator]
    operators = [*node.ops[:at], new(), *node.ops[at + 1 :]]
    edit = scene.edit()
    edit.expression(site, ast.Compare(node.left, operators, node.comparators))
    return edit.finish()


def swap_boolean(scene: Scene) -> str | None:
    """Swap `and` and `or`, negate a truth value, or drop one operand of a condition."""
    places = [s for s in scene.analysis.sites[Kind.TRUTH] if not in_while(s)]
    site = scene.one([s for s in places if isinstance(s.node, ast.BoolOp)] or places)
    if site is None:
        return None
    edit = scene.edit()
    chance = scene.rng.random()
    match site.node:
        case ast.BoolOp(op=operator, values=values) if chance < 0.4:
            edit.expression(site, ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values))
        case ast.BoolOp(op=operator, values=values) if chance < 0.75:
            at = scene.rng.randrange(len(values))
            left = [*values[:at], *values[at + 1 :]]
            edit.expression(site, left[0] if len(left) == 1 else ast.BoolOp(operator, left))
        case ast.BoolOp(op=operator, values=values):
            at = scene.rng.randrange(len(values))
            edit.expression(site, ast.BoolOp(operator, [*values[:at], negated(values[at]), *values[at + 1 :]]))
        case _:
            edit.expression(site, negated(copied(site.node)))
    return edit.finish()


def in_while(site: Site) -> bool:
    """Whether an expression decides how long a loop runs: what is swapped there mostly never ends."""
    return isinstance(site.statement, ast.While)
