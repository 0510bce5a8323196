"""Changes of whole statements: deleted, duplicated, swapped, made conditional; new branches."""

from __future__ import annotations

import ast
import random
from collections.abc import Sequence

from evolve.mutate.builtin.bindings import names_bound
from evolve.mutate.builtin.grow import Ground, scaled
from evolve.mutate.builtin.kinds import Kind
from evolve.mutate.builtin.places import Function, Spot
from evolve.mutate.builtin.sameness import same
from evolve.mutate.builtin.scene import Scene
from evolve.mutate.builtin.syntax import copied, read, stored

PLAIN = (
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Expr,
    ast.If,
    ast.For,
    ast.While,
    ast.Return,
    ast.Break,
    ast.Continue,
)
"""Statements that may move; definitions, imports, `global` and the like stay."""


def movable(spots: Sequence[Spot]) -> list[Spot]:
    """Return the statements that may be deleted, moved or copied; docstrings are not among them."""
    return [
        s
        for s in spots
        if isinstance(s.node, PLAIN) and not (isinstance(s.node, ast.Expr) and isinstance(s.node.value, ast.Constant))
    ]


def delete(scene: Scene) -> str | None:
    """Delete a statement, a function that nobody calls, or a branch in favour of what is in it."""
    spot = scene.one([*movable(scene.program.spots), *_unused(scene)])
    if spot is None:
        return None
    edit = scene.edit()
    if isinstance(spot.node, ast.If) and scene.rng.random() < 0.4:
        edit.statement(spot, spot.node.orelse if spot.node.orelse and scene.rng.random() < 0.5 else spot.node.body)
    else:
        edit.statement(spot, [])
    return edit.finish()


def _unused(scene: Scene) -> list[Spot]:
    definitions = [
        s
        for s in scene.program.spots
        if isinstance(s.node, ast.FunctionDef | ast.ClassDef)
        and isinstance(s.owner, ast.Module)
        and s.node.name not in scene.defines
    ]
    if not definitions:
        return []
    read = {n.id for n in ast.walk(scene.program.tree) if isinstance(n, ast.Name)}
    return [s for s in definitions if isinstance(s.node, ast.FunctionDef | ast.ClassDef) and s.node.name not in read]


def duplicate(scene: Scene) -> str | None:
    """Copy a statement to another place of its function."""
    spots = [s for s in movable(scene.program.spots) if s.function is not None and not _ends(s)]
    source = scene.one(spots)
    if source is None:
        return None
    target = scene.one([s for s in movable(scene.program.spots) if s.function is source.function and s is not source])
    if target is None or _inside(target.node, source.node) or not scene.ground(target).fits(_reads(source.node)):
        return None
    edit = scene.edit()
    edit.before(target, [copied(source.node)])
    return edit.finish()


def swap(scene: Scene) -> str | None:
    """Swap a statement with the next one of its block."""
    spots = [s for s in movable(scene.program.spots) if not _ends(s)]
    first = scene.one(spots)
    if first is None:
        return None
    following = dict(zip(first.siblings, first.siblings[1:], strict=False)).get(first.node)
    second = next((s for s in spots if s.node is following), None)
    if second is None:
        return None
    edit = scene.edit()
    one, two = first.node, second.node
    edit.statement(first, [copied(two)])
    edit.statement(second, [copied(one)])
    return edit.finish()


def guard(scene: Scene) -> str | None:
    """Run a statement only if a new condition holds."""
    spots = [s for s in movable(scene.program.spots) if s.function is not None and not _ends(s)]
    spot = scene.one(spots)
    if spot is None:
        return None
    condition = scene.ground(spot).condition(scene.rng)
    if condition is None:
        return None
    edit = scene.edit()
    edit.statement(spot, [ast.If(condition, [spot.node], [])])
    return edit.finish()


def branch(scene: Scene) -> str | None:
    """Insert `if <comparison>:` with a return of another value, or with a number of the scope moved."""
    spot = scene.one([s for s in movable(scene.program.spots) if s.function is not None])
    if spot is None:
        return None
    ground = scene.ground(spot)
    condition = ground.condition(scene.rng)
    body = _branch_body(scene, spot, ground)
    if condition is None or body is None:
        return None
    edit = scene.edit()
    edit.before(spot, [ast.If(condition, [body], [])])
    return edit.finish()


def _branch_body(scene: Scene, spot: Spot, ground: Ground) -> ast.stmt | None:
    values = [v for v in scene.analysis.returns(spot.function) if ground.fits(v)]
    if isinstance(spot.node, ast.Return) and spot.node.value is not None:
        # before `return x`, a branch that returns x would change nothing
        returned = spot.node.value
        values = [v for v in values if not same(v, returned)]
    moved = None if spot.function is None else _moved(scene.rng, ground, spot.function)
    if values and (moved is None or (len(values) > 1 and scene.rng.random() < 0.7)):
        return ast.Return(copied(scene.rng.choice(values)))
    return moved


def _moved(rng: random.Random, ground: Ground, function: Function) -> ast.stmt | None:
    """Return an assignment that moves a local number or an attribute of self."""
    own = names_bound(function.body)
    names = [n for n in ground.numbers if n in own or (n.startswith("self.") and n.count(".") == 1)]
    if not names:
        return None
    name = rng.choice(names)
    if name in ground.terms[Kind.INTEGER]:
        value: ast.expr | None = ast.BinOp(read(name), rng.choice((ast.Add(), ast.Sub())), ast.Constant(1))
    else:
        value = scaled(rng, read(name)) if rng.random() < 0.6 else ground.number(rng, 1, read(name))
    return None if value is None else ast.Assign([stored(name)], value, lineno=0)


def _ends(spot: Spot) -> bool:
    """Whether nothing after the statement runs."""
    return isinstance(spot.node, ast.Return | ast.Break | ast.Continue)


def _inside(node: ast.AST, outer: ast.AST) -> bool:
    return any(child is node for child in ast.walk(outer))


def _reads(node: ast.stmt) -> ast.AST:
    """Return what of a statement must be bound before it: its value or test, else the whole."""
    value = getattr(node, "value", None) or getattr(node, "test", None)
    return value if isinstance(value, ast.AST) else node
