"""Chooses the operators, and lets through only children that parse, differ and look as if they run."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType

from evolve.mutate.builtin import constants, crossover, expressions, introduce, statements, swaps
from evolve.mutate.builtin.analysis import Analysis
from evolve.mutate.builtin.program import Program
from evolve.mutate.builtin.sameness import same
from evolve.mutate.builtin.scene import Operator, Scene
from evolve.mutate.builtin.scope import Flow
from evolve.mutate.mutation import Proposal, Request
from evolve.mutate.source import missing_definitions, parse

OPERATORS: dict[str, tuple[Operator, float]] = {
    "constant": (constants.step_constant, 24),
    "branch": (statements.branch, 14),
    "widen": (expressions.widen, 8),
    "compare": (swaps.swap_comparison, 5),
    "boolean": (swaps.swap_boolean, 5),
    "arithmetic": (swaps.swap_arithmetic, 4),
    "grow": (expressions.grow, 9),
    "replace": (expressions.replace, 5),
    "shrink": (expressions.shrink, 3),
    "choose": (expressions.choose, 5),
    "delete": (statements.delete, 5),
    "guard": (statements.guard, 3),
    "duplicate": (statements.duplicate, 1),
    "swap": (statements.swap, 1.5),
    "named_constant": (introduce.named_constant, 3),
    "named_local": (introduce.named_local, 2),
    "memory": (introduce.memory, 2.5),
    "crossover": (crossover.cross, 10),
}
WEIGHTS = MappingProxyType({name: weight for name, (_, weight) in OPERATORS.items()})
"""How often each operator is tried, relative to the others. Constants and conditions dominate."""

MOVING: tuple[Operator, ...] = (
    statements.delete,
    statements.duplicate,
    statements.guard,
    statements.swap,
    introduce.named_local,
    introduce.memory,
    crossover.cross,
)
"""Operators that may leave a name unbound or a return out; the others only use what is bound where they put it."""

SHRINKING = ("delete", "shrink")
IN_A_ROW = ((1, 0.70), (2, 0.21), (3, 0.09))
"""(operators in a row, probability)."""

ATTEMPTS = 60
"""Operators tried for one child before giving up."""

LARGEST = 1500
"""Nodes (expressions and statements) above which a child may not be larger than its parent."""
ROOMY = 400
"""Nodes from which on the shrinking operators weigh more, in proportion to the size."""


class BuiltinMutator:
    """Changes a program by genetic programming on its syntax tree. Draws from `request.rng` alone."""

    name = "builtin"

    def propose(self, request: Request) -> Proposal:
        """Return a child that parses, defines what it must and differs from its parent and the inspirations.

        `kind` names the operators ("constant", "branch+compare"). A parent that cannot be changed (it does not parse,
        is empty, has empty evolve blocks) gives a proposal with an error.
        """
        try:
            parent = analysed(request.parent.source)
        except SyntaxError as error:
            return Proposal("none", None, f"the parent does not parse: {error.msg}")
        except RecursionError:
            return Proposal("none", None, "the parent is nested too deeply to change")
        others = [a for e in request.inspirations if (a := _inspiration(e.source)) is not None]
        rng = request.rng
        wanted = rng.choices([n for n, _ in IN_A_ROW], [p for _, p in IN_A_ROW])[0]
        names, weights = _table(parent.program, bool(others))
        current = parent
        kinds: list[str] = []
        for _ in range(ATTEMPTS):
            name = rng.choices(names, weights)[0]
            scene = Scene(current, others, request.defines, rng)
            child = _child(scene, OPERATORS[name][0], parent)
            if child is None:
                continue
            kinds.append(name)
            current = child
            if len(kinds) == wanted:
                break
        if not kinds:
            return Proposal("none", None, "no operator found a change that leaves a program")
        return Proposal("+".join(kinds), current.program.source)


@lru_cache(maxsize=64)
def analysed(source: str) -> Analysis:
    """Return a program ready for the operators; elites are parents again and again. Raises SyntaxError."""
    return Analysis(Program(source, parse(source)))


def _inspiration(source: str) -> Analysis | None:
    try:
        return analysed(source)
    except (SyntaxError, RecursionError):
        return None


def _table(program: Program, crossing: bool) -> tuple[list[str], list[float]]:
    crowded = max(1.0, program.nodes / ROOMY)
    names = [name for name in OPERATORS if crossing or name != "crossover"]
    return names, [OPERATORS[name][1] * (crowded**2 if name in SHRINKING else 1.0) for name in names]


def _child(scene: Scene, operator: Operator, parent: Analysis) -> Analysis | None:
    """Apply an operator; return the child, or None when there is none or it is not worth an evaluation."""
    before = scene.program
    try:
        source = operator(scene)
        if source is None:
            return None
        tree = parse(source)
        child = Program(source, tree)
        known = {id(p): p.tree for p in (before, parent.program, *(o.program for o in scene.others))}
        if missing_definitions(tree, scene.defines) or any(same(tree, other) for other in known.values()):
            return None
        # a node takes more than two characters: most children need not be counted
        if len(source) > 2 * LARGEST and child.nodes > max(LARGEST, before.nodes):
            return None
        if (operator in MOVING or ":=" in source) and not _as_bound(child.flow, before.flow):
            return None
    except (SyntaxError, RecursionError):
        return None
    return Analysis(child)


def _as_bound(child: Flow, parent: Flow) -> bool:
    """Whether a child reads no name unbound, and ends no function without a return, that its parent did not."""
    return all(name in parent.loose for name in child.loose) and all(name in parent.falls for name in child.falls)
