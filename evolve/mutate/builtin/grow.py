"""New expressions from the names in scope."""

from __future__ import annotations

import ast
import random
from functools import cached_property

from evolve.mutate.builtin.analysis import Analysis
from evolve.mutate.builtin.kinds import Kind
from evolve.mutate.builtin.syntax import call, constant, copied, dotted, names_read, negated, read, round_figure

STEP = 0.4
"""Standard deviation, in log units, of a new factor."""
SAME_UNIT = 0.9
"""How often a number goes with one of its own unit, where there is one."""

MATH_CALLS = ("sqrt", "log1p", "exp", "floor", "ceil")
COMPARISONS: tuple[type[ast.cmpop], ...] = (ast.Lt, ast.GtE, ast.Gt, ast.LtE)


class Ground:
    """What can be built at one statement, from the names that are surely bound there.

    terms: kind -> dotted names, in the order of the program's text.
    """

    def __init__(self, analysis: Analysis, statement: ast.stmt) -> None:
        self.analysis = analysis
        self.bound = analysis.program.flow.before.get(statement, frozenset())
        self.terms: dict[Kind, list[str]] = {kind: [] for kind in Kind}
        for key, kind in analysis.kinds.items():
            if self.reaches(key):
                self.terms[kind].append(key)

    def reaches(self, key: str) -> bool:
        """Whether a dotted name can be read here."""
        if key.startswith("self."):
            return ".".join(key.split(".")[:2]) in self.bound
        return key.partition(".")[0] in self.bound

    def fits(self, node: ast.AST) -> bool:
        """Whether every name that an expression reads can be read here."""
        return all(map(self.reaches, names_read(node)))

    @cached_property
    def blocks(self) -> list[ast.expr]:
        """The small arithmetic expressions of the program that can be read here."""
        return [node for node, names in self.analysis.blocks if all(map(self.reaches, names))]

    @cached_property
    def conditions(self) -> list[ast.expr]:
        """The small truth values of the program that can be read here."""
        return [node for node, names in self.analysis.conditions if all(map(self.reaches, names))]

    @cached_property
    def numbers(self) -> list[str]:
        """The terms that are numbers."""
        return self.terms[Kind.NUMBER] + self.terms[Kind.INTEGER]

    def term(self, rng: random.Random, like: ast.expr | None = None) -> ast.expr | None:
        """Return a number in scope, mostly one of the unit of `like`; None when there is none."""
        names = self.numbers
        if like is not None:
            own = dotted(like)
            names = [n for n in names if n != own]
            unit = self.analysis.unit(like)
            same = [n for n in names if self.analysis.units.get(n, ()) == unit]
            if same and rng.random() < SAME_UNIT:
                names = same
        return read(rng.choice(names)) if names else None

    def quantity(self, rng: random.Random) -> ast.expr | None:
        """Return a number in scope, or a small expression of the program that is one; seldom a named constant."""
        if self.blocks and rng.random() < 0.35:
            return copied(rng.choice(self.blocks))
        names = self.numbers
        varying = [n for n in names if not n.isupper()]
        names = varying if varying and rng.random() < 0.9 else names
        return read(rng.choice(names)) if names else None

    def number(self, rng: random.Random, depth: int, like: ast.expr | None = None) -> ast.expr | None:
        """Return a random arithmetic expression in scope, mostly of the unit of `like`; None when there is none.

        depth: how many operations may lie inside each other.
        """
        base = self.quantity(rng) if like is None else self.term(rng, like)
        if base is None or depth == 0:
            return base
        shape = rng.choices(("term", "scaled", "shifted", "fold", "call"), (2, 4, 3, 1.5, 0.5))[0]
        if shape == "scaled":
            return scaled(rng, base)
        if shape == "call":
            function = self._math_call(rng)
            size_of = call("abs", base)
            return size_of if function is None else ast.Call(function, [size_of], [])
        other = self.number(rng, depth - 1, base) if shape in ("shifted", "fold") else None
        if other is None:
            return base
        if shape == "fold":
            return call(rng.choice(("min", "max")), base, other)
        return ast.BinOp(base, ast.Add() if rng.random() < 0.5 else ast.Sub(), other)

    def comparison(self, rng: random.Random) -> ast.expr | None:
        """Return a random comparison of numbers in scope, mostly of one unit; None when there are none."""
        left = self.quantity(rng)
        if left is None:
            return None
        if not self.analysis.unit(left) and rng.random() < 0.4:
            right: ast.expr = constant(round_figure(rng.lognormvariate(0.0, 1.5)))
            return ast.Compare(left, [rng.choice(COMPARISONS)()], [right])
        other = self.term(rng, left)
        if other is None:
            return None
        right = other
        chance = rng.random()
        if chance < 0.6:
            right = scaled(rng, other)
        elif chance < 0.75 and (third := self.term(rng, other)) is not None:
            right = ast.BinOp(other, ast.Sub() if rng.random() < 0.5 else ast.Add(), scaled(rng, third))
        return ast.Compare(left, [rng.choice(COMPARISONS)()], [right])

    def condition(self, rng: random.Random) -> ast.expr | None:
        """Return a random truth value: a comparison, a condition of the program, or both; None when there is none."""
        known = self.conditions
        compared = self.comparison(rng)
        chance = rng.random()
        if not known or (compared is not None and chance >= 0.4):
            return compared
        condition = rng.choice(known)
        taken = negated(condition) if rng.random() < 0.3 else copied(condition)
        if compared is None or chance < 0.2:
            return taken
        return ast.BoolOp(ast.And() if rng.random() < 0.7 else ast.Or(), [taken, compared])

    def _math_call(self, rng: random.Random) -> ast.expr | None:
        """Return a function of one number that the program has imported."""
        if "math" in self.bound:
            return ast.Attribute(ast.Name("math", ast.Load()), rng.choice(MATH_CALLS), ast.Load())
        named = [name for name in MATH_CALLS if name in self.bound]
        return ast.Name(rng.choice(named), ast.Load()) if named else None


def scaled(rng: random.Random, node: ast.expr) -> ast.expr:
    """Return `node` times a constant near 1."""
    return ast.BinOp(node, ast.Mult(), constant(round_figure(rng.lognormvariate(0.0, STEP))))
