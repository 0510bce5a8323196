"""Changes of one expression: growth, replacement by another of the program, shrinking, wider conditions."""

from __future__ import annotations

import ast

from evolve.mutate.builtin.grow import scaled
from evolve.mutate.builtin.kinds import Kind, kind_of
from evolve.mutate.builtin.places import Site
from evolve.mutate.builtin.sameness import same
from evolve.mutate.builtin.scene import Scene
from evolve.mutate.builtin.swaps import in_while
from evolve.mutate.builtin.syntax import call, constant, copied, fewer_nodes, round_figure

DEEP = 40
"""Nodes from which on an expression does not grow."""


def grow(scene: Scene) -> str | None:
    """Let a number grow: scaled, shifted, bounded by another, or made anew from what is in scope."""
    kinds = scene.rng.choices(((Kind.NUMBER, Kind.ARRAY), (Kind.INTEGER,)), (0.9, 0.1))[0]
    places = [s for kind in kinds for s in scene.analysis.sites[kind] if not isinstance(s.node, ast.Constant)]
    site = scene.one(places)
    if site is None or not fewer_nodes(site.node, DEEP):
        return None
    new = _grown(scene, site)
    if new is None:
        return None
    edit = scene.edit()
    edit.expression(site, new)
    return edit.finish()


def _grown(scene: Scene, site: Site) -> ast.expr | None:
    rng, node, ground = scene.rng, site.node, scene.ground(site)
    kind = scene.kind(site)
    if kind is Kind.INTEGER:
        return ast.BinOp(node, ast.Add() if rng.random() < 0.5 else ast.Sub(), ast.Constant(1))
    if kind is Kind.ARRAY:
        if (site.exact and not isinstance(site.parent, ast.BinOp)) or not scene.analysis.has_arrays:
            return None
        if rng.random() < 0.6:
            return scaled(rng, node)
        return ast.BinOp(node, ast.Pow(), constant(round_figure(rng.lognormvariate(0.0, 0.4))))
    match rng.choices(("scale", "shift", "bound", "blend", "anew"), (4, 4, 2, 1.5, 2))[0]:
        case "scale":
            return scaled(rng, node)
        case "shift":
            other = ground.number(rng, 1, node)
            operator = ast.Add() if rng.random() < 0.5 else ast.Sub()
            return None if other is None else ast.BinOp(node, operator, scaled(rng, other))
        case "bound":
            other = ground.number(rng, 1, node)
            return None if other is None else call(rng.choice(("min", "max")), node, other)
        case "blend":
            condition, other = ground.condition(rng), ground.number(rng, 1, node)
            return None if condition is None or other is None else ast.IfExp(condition, other, node)
    return ground.number(rng, 2, node)


def replace(scene: Scene) -> str | None:
    """Put another expression of the program, of the same kind, where one is."""
    by_kind = {
        kind: [s for s in scene.analysis.sites[kind] if not s.exact and not in_while(s)]
        for kind in Kind
        if kind is not Kind.OTHER
    }
    sites = [(kind, site) for kind, found in by_kind.items() for site in found]
    chosen = scene.one(sites)
    if chosen is None:
        return None
    kind, site = chosen
    ground = scene.ground(site)
    for _ in range(4):
        donor = scene.rng.choice(by_kind[kind]).node
        if fewer_nodes(donor, DEEP) and ground.fits(donor) and not same(donor, site.node):
            edit = scene.edit()
            edit.expression(site, copied(donor))
            return edit.finish()
    return None


def shrink(scene: Scene) -> str | None:
    """Put one operand of an expression where the whole expression is."""
    site = scene.one(
        [s for s in scene.program.sites if isinstance(s.node, ast.BinOp | ast.Call | ast.IfExp | ast.BoolOp)]
    )
    if site is None or in_while(site):
        return None
    node = site.node
    parts: list[ast.expr] = []
    match node:
        case ast.BinOp():
            parts = [node.left, node.right]
        case ast.Call():
            parts = [a for a in node.args if not isinstance(a, ast.Starred)]
        case ast.IfExp():
            parts = [node.body, node.orelse]
        case ast.BoolOp():
            parts = node.values
    kinds = scene.analysis.kinds
    kind = kind_of(node, kinds)
    if isinstance(node, ast.Call) and kind is Kind.OTHER:
        return None
    part = scene.one([p for p in parts if kind_of(p, kinds) is kind or not isinstance(node, ast.BinOp | ast.Call)])
    if part is None:
        return None
    edit = scene.edit()
    edit.expression(site, part)
    return edit.finish()


def choose(scene: Scene) -> str | None:
    """Put another of the values that a function returns, or another string of the program, where one is."""
    strings = scene.analysis.strings
    places = [
        s
        for s in scene.program.sites
        if (isinstance(s.node, ast.Constant) and s.node.value in strings and isinstance(s.node.value, str))
        or isinstance(s.parent, ast.Return)
    ]
    site = scene.one(places)
    if site is None:
        return None
    values: list[ast.expr] = [ast.Constant(text) for text in strings]
    if not isinstance(site.node, ast.Constant) or isinstance(site.parent, ast.Return | ast.IfExp):
        values = [v for v in scene.analysis.returns(site.function) if scene.ground(site).fits(v)]
    value = scene.one([v for v in values if not same(v, site.node)])
    if value is None:
        return None
    edit = scene.edit()
    if isinstance(site.parent, ast.Return) and scene.rng.random() < 0.4:
        condition = scene.ground(site).condition(scene.rng)
        edit.expression(site, copied(value) if condition is None else ast.IfExp(condition, copied(value), site.node))
    else:
        edit.expression(site, copied(value))
    return edit.finish()


def widen(scene: Scene) -> str | None:
    """Join a new comparison to a condition by `and` or `or`, or put a new condition in its place."""
    places = [
        s
        for s in scene.program.sites
        if isinstance(s.parent, ast.If | ast.IfExp) and s.field == "test" and fewer_nodes(s.node, DEEP)
    ]
    site = scene.one(places)
    if site is None:
        return None
    new = scene.ground(site).condition(scene.rng)
    if new is None:
        return None
    edit = scene.edit()
    if scene.rng.random() < 0.25:
        edit.expression(site, new)
    else:
        operator = ast.And() if scene.rng.random() < 0.5 else ast.Or()
        same = isinstance(site.node, ast.BoolOp) and type(site.node.op) is type(operator)
        edit.expression(site, ast.BoolOp(operator, [*(site.node.values if same else [site.node]), new]))  # type: ignore[attr-defined]
    return edit.finish()
