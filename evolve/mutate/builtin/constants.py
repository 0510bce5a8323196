"""Numbers and flags: the steps in which a policy is tuned."""

from __future__ import annotations

import ast
import random

from evolve.mutate.builtin.places import Site
from evolve.mutate.builtin.scene import Scene
from evolve.mutate.builtin.syntax import constant, round_figure

STEPS = ((0.1, 0.2), (0.4, 0.4), (1.6, 0.4))
"""(standard deviation in log units, probability) of a step: fine, usual, far."""

KNOBS = 0.6
"""How often a number with a name of its own is stepped, where there is one: its author meant it to be set."""

INDICES = 0.1
"""How often an index or a length is stepped: there may be many of them, and few can be anything else."""
FLIP_SIGN = 0.04
LARGEST_INT = 10**12
"""Above it an integer is stepped by one: `float` could not hold what a factor makes of it."""


def step_constant(scene: Scene) -> str | None:
    """Move one number by a log-normal step, or flip one flag."""
    sites = [s for s in scene.program.sites if _is_number(s)]
    indices = [s for s in sites if s.exact]
    others = [s for s in sites if not s.exact]
    knobs = [s for s in others if s.function is None and isinstance(s.parent, ast.Assign | ast.AnnAssign)]
    if knobs and scene.rng.random() < KNOBS:
        others = knobs
    site = scene.one(indices if indices and (not others or scene.rng.random() < INDICES) else others)
    if site is None:
        return None
    negative = isinstance(site.node, ast.UnaryOp)
    node = site.node.operand if isinstance(site.node, ast.UnaryOp) else site.node
    assert isinstance(node, ast.Constant)
    if isinstance(node.value, bool):
        new: ast.expr = ast.Constant(not node.value)
    else:
        assert isinstance(node.value, int | float)
        value = -node.value if negative else node.value
        new = constant(_stepped(scene.rng, value, site.exact or _is_index(site)))
    edit = scene.edit()
    edit.expression(site, new)
    return edit.finish()


def _is_number(site: Site) -> bool:
    match site.node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
        case ast.Constant(value=int() | float()):
            return not isinstance(site.parent, ast.UnaryOp)
    return False


def _is_index(site: Site) -> bool:
    """Whether a number is assigned as it is and whole: it may count something further down."""
    return isinstance(site.parent, ast.Assign | ast.AugAssign | ast.Return | ast.arguments)


def _stepped(rng: random.Random, value: int | float, whole: bool) -> int | float:
    """Return another number near `value`; an int stays one when `whole`."""
    deviation = rng.choices([d for d, _ in STEPS], [p for _, p in STEPS])[0]
    factor = rng.lognormvariate(0.0, deviation)
    if isinstance(value, int):
        if whole or abs(value) > LARGEST_INT or rng.random() < 0.5:
            return _stepped_int(rng, value, factor)
        value = float(value)
    if value == 0:
        return round_figure(factor * 10.0 ** rng.randint(-2, 1))
    if rng.random() < FLIP_SIGN:
        return -value
    new = round_figure(value * factor, 3 if deviation > 0.2 else 4)
    return new if new != value else round_figure(value * 1.1)


def _stepped_int(rng: random.Random, value: int, factor: float) -> int:
    if abs(value) > LARGEST_INT or abs(value) <= 2 or rng.random() < 0.4:
        new = value + rng.choice((-1, 1))
    else:
        new = round(value * factor)
    if value > 0 and new <= 0:  # a count or a divisor: 1 goes up, not to nothing, mostly
        new = 0 if rng.random() < 0.15 else value + 1
    return new if new != value else value + 1
