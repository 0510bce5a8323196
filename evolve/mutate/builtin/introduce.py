"""New names: a constant beside the others, a local, a memory that lasts from call to call."""

from __future__ import annotations

import ast
import itertools

from evolve.mutate.builtin.grow import scaled
from evolve.mutate.builtin.kinds import Kind
from evolve.mutate.builtin.places import Site, Spot
from evolve.mutate.builtin.program import Program
from evolve.mutate.builtin.scene import Scene
from evolve.mutate.builtin.statements import movable
from evolve.mutate.builtin.syntax import call, constant, read, round_figure, stored


def named_constant(scene: Scene) -> str | None:
    """Scale a number by a new constant at the top of the program."""
    top = top_spot(scene.program)
    site = _number_site(scene)
    if top is None or site is None:
        return None
    name = _new_name(scene.program, "FACTOR")
    value = constant(round_figure(scene.rng.lognormvariate(0.0, 0.4)))
    edit = scene.edit()
    edit.before(top, [_assignment(name, value)])
    edit.expression(site, ast.BinOp(site.node, ast.Mult(), read(name)))
    return edit.finish()


def named_local(scene: Scene) -> str | None:
    """Compute a new number before a statement and use it in the statement."""
    site = _number_site(scene)
    if site is None or isinstance(site.statement, ast.For | ast.While | ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    new = scene.ground(site).number(scene.rng, 2, site.node)
    if new is None:
        return None
    name = _new_name(scene.program, "level")
    use = scene.rng.choice(
        (
            ast.BinOp(site.node, ast.Add(), scaled(scene.rng, read(name))),
            ast.BinOp(site.node, ast.Sub(), scaled(scene.rng, read(name))),
            call("min", site.node, read(name)),
            call("max", site.node, read(name)),
        )
    )
    edit = scene.edit()
    edit.before(scene.program.spot(site.statement), [_assignment(name, new)])
    edit.expression(site, use)
    return edit.finish()


def memory(scene: Scene) -> str | None:
    """Let a policy remember: a streak or a moving average, kept in self, and a branch that depends on it.

    The branch comes right after the update, before a statement of the method, and returns another value.
    """
    methods = [(f, c) for f, c in scene.program.functions.items() if c is not None and f.name != "__init__"]
    found = scene.one([(f, first) for f, c in methods if (first := _first_of_init(scene.program, c)) is not None])
    if found is None:
        return None
    function, first = found
    spot = scene.one([s for s in movable(scene.program.spots) if s.function is function])
    values = scene.analysis.returns(function)
    if spot is None or not values:
        return None
    ground = scene.ground(spot)
    values = [v for v in values if ground.fits(v)]
    name = f"self.{_new_name(scene.program, 'memory')}"
    rng = scene.rng
    if rng.random() < 0.5:
        condition = ground.condition(rng)
        if condition is None or not values:
            return None
        update = ast.IfExp(condition, ast.BinOp(read(name), ast.Add(), constant(1.0)), constant(0.0))
        level: ast.expr = constant(float(round(rng.lognormvariate(1.5, 1.0)) + 1))
    else:
        watched = scene.one(ground.terms[Kind.TRUTH])
        if watched is None or not values:
            return None
        rate = round_figure(10.0 ** rng.uniform(-2.5, -0.3), 2)
        step = ast.BinOp(constant(rate), ast.Mult(), ast.BinOp(read(watched), ast.Sub(), read(name)))
        update = ast.BinOp(read(name), ast.Add(), step)  # type: ignore[assignment]
        level = constant(round_figure(rng.uniform(0.05, 0.95), 2))
    test = ast.Compare(read(name), [ast.Lt() if rng.random() < 0.5 else ast.Gt()], [level])
    also = ground.condition(rng)
    condition = test if also is None or rng.random() < 0.5 else ast.BoolOp(ast.And(), [test, also])
    edit = scene.edit()
    edit.before(first, [_assignment(name, constant(round_figure(rng.choice((0.0, 0.5)))))])
    edit.before(spot, [_assignment(name, update), ast.If(condition, [ast.Return(rng.choice(values))], [])])
    return edit.finish()


def top_spot(program: Program) -> Spot | None:
    """Return the first statement of the program that constants may be put before."""
    return next(
        (
            s
            for s in program.spots
            if isinstance(s.owner, ast.Module)
            and isinstance(s.node, ast.Assign | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ),
        None,
    )


def _first_of_init(program: Program, classdef: ast.ClassDef) -> Spot | None:
    for spot in program.spots:
        owner = spot.owner
        if (
            isinstance(owner, ast.FunctionDef)
            and owner.name == "__init__"
            and program.functions.get(owner) is classdef
            and not isinstance(spot.node, ast.Expr)
        ):
            return spot
    return None


def _number_site(scene: Scene) -> Site | None:
    places = [s for s in scene.analysis.sites[Kind.NUMBER] if not s.exact and s.function is not None]
    return scene.one(places)


def _assignment(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([stored(name)], value, lineno=0)


def _new_name(program: Program, stem: str) -> str:
    """Return stem_1, or the first after it that does not occur in the program at all."""
    return next(name for i in itertools.count(1) if (name := f"{stem}_{i}") not in program.source)
