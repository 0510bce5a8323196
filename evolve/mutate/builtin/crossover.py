"""Two parents: what their common functions and constants differ in is taken from one or the other by chance."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evolve.mutate.builtin.bindings import names_bound, stored_attributes
from evolve.mutate.builtin.edit import Edit
from evolve.mutate.builtin.introduce import top_spot
from evolve.mutate.builtin.places import Function, Spot
from evolve.mutate.builtin.program import Program
from evolve.mutate.builtin.sameness import same
from evolve.mutate.builtin.scene import Scene
from evolve.mutate.builtin.syntax import copied


class Difference(NamedTuple):
    """A run of statements of one parent and what stands there in the other; either may be empty.

    at: the statement of the first parent that follows the run, None at the end.
    """

    mine: Sequence[ast.stmt]
    theirs: Sequence[ast.stmt]
    last: ast.stmt | None
    at: ast.stmt | None


def cross(scene: Scene) -> str | None:
    """Take some of the differences from the other parent, with the constants, functions and attributes they need."""
    if not scene.others:
        return None
    other = (scene.others[0] if scene.rng.random() < 0.7 else scene.rng.choice(scene.others)).program
    found = [d for d in _differences(scene.program, other) if all(s in _free(scene.program) for s in d.mine)]
    if not found:
        return None
    taken = [d for d in found if scene.rng.random() < 0.5] or [scene.rng.choice(found)]
    if len(taken) == len(found) > 1:
        taken.remove(scene.rng.choice(taken))
    new = [s for d in taken for s in d.theirs]
    attributes = _attributes(new, scene.program, other)
    helpers = _helpers([*new, *(line for _, lines in attributes for line in lines)], scene.program, other)
    top = top_spot(scene.program)
    edit = scene.edit()
    for last, lines in attributes:
        edit.statement(last, [last.node, *(copied(line) for line in lines)])
    for difference in taken:
        # a single difference, taken whole, would make a copy of the other parent
        both = len(found) == 1 and bool(difference.mine) and _branches(difference.theirs)
        _take(scene.program, edit, difference, both)
    if helpers and top is not None:
        edit.before(top, [copied(s) for s in helpers])
    return edit.finish()


def _branches(statements: Sequence[ast.stmt]) -> bool:
    return all(isinstance(s, ast.If | ast.AugAssign) for s in statements)


def _free(program: Program) -> dict[ast.stmt, None]:
    return {spot.node: None for spot in program.spots}


def _take(program: Program, edit: Edit, difference: Difference, both: bool) -> None:
    theirs: list[ast.stmt] = [copied(s) for s in difference.theirs]
    if difference.mine:
        first, *rest = (program.spot(s) for s in difference.mine)
        edit.statement(first, [*theirs, first.node] if both else theirs)
        for spot in [] if both else rest:
            edit.statement(spot, [])
    elif difference.at is not None:
        edit.before(program.spot(difference.at), theirs)
    elif difference.last is not None:
        edit.statement(program.spot(difference.last), [difference.last, *theirs])


def _differences(mine: Program, other: Program) -> list[Difference]:
    found: list[Difference] = []
    constants = {k: s for s in other.tree.body if (k := _constant(s)) is not None}
    for statement in mine.tree.body:
        name = _constant(statement)
        if name in constants and not same(constants[name], statement):
            found.append(Difference([statement], [constants[name]], None, None))
    functions = {_key(f, c): f for f, c in other.functions.items()}
    for function, classdef in mine.functions.items():
        twin = functions.get(_key(function, classdef))
        if twin is not None:
            found += _hunks(_body(function.body), _body(twin.body))
    return found


def _hunks(mine: Sequence[ast.stmt], theirs: Sequence[ast.stmt]) -> list[Difference]:
    start, shorter = 0, min(len(mine), len(theirs))
    while start < shorter and same(mine[start], theirs[start]):
        start += 1
    end = 0
    while end < shorter - start and same(mine[-1 - end], theirs[-1 - end]):
        end += 1
    # only what lies between is worth the cost of a dump
    one = [ast.dump(s) if start <= i < len(mine) - end else str(i) for i, s in enumerate(mine)]
    two = [ast.dump(s) if start <= i < len(theirs) - end else "" for i, s in enumerate(theirs)]
    two[:start] = one[:start]
    two[len(two) - end :] = one[len(one) - end :]
    found: list[Difference] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if j - i == m - k:  # one for one: each may come from either parent
            for n in range(j - i):
                if one[i + n] != two[k + n]:
                    found += _one_for_one(mine[i + n], theirs[k + n])
        else:
            at = mine[j] if j < len(mine) else None
            found.append(Difference(mine[i:j], theirs[k:m], mine[i - 1] if i else None, at))
    return found


def _one_for_one(mine: ast.stmt, theirs: ast.stmt) -> list[Difference]:
    if isinstance(mine, ast.If) and isinstance(theirs, ast.If) and same(mine.test, theirs.test):
        return [*_hunks(mine.body, theirs.body), *_hunks(mine.orelse, theirs.orelse)]
    return [Difference([mine], [theirs], None, None)]


def _constant(statement: ast.stmt) -> str | None:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return None


def _key(function: Function, classdef: ast.ClassDef | None) -> tuple[str, str]:
    return (classdef.name if classdef is not None else "", function.name)


def _body(statements: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    match statements:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return statements


def _reads(statements: Iterable[ast.AST]) -> dict[str, None]:
    found: dict[str, None] = {}
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                found[node.id] = None
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                found[f"self.{node.attr}"] = None
    return found


def _helpers(new: Sequence[ast.stmt], mine: Program, other: Program) -> list[ast.stmt]:
    """Return the top-level statements of the other program that new statements need, in its order."""
    known = names_bound(mine.tree.body)
    where = {name: s for s in other.tree.body if not isinstance(s, ast.If) for name in sorted(names_bound([s]))}
    needed: dict[ast.stmt, None] = {}
    waiting: list[ast.stmt] = list(new)
    while waiting:
        for name in _reads([waiting.pop()]):
            found = where.get(name)
            if found is not None and name not in known and found not in needed:
                needed[found] = None
                waiting.append(found)
    return [s for s in other.tree.body if s in needed]


def _attributes(new: Sequence[ast.stmt], mine: Program, other: Program) -> list[tuple[Spot, list[ast.stmt]]]:
    """Return the lines `self.x = ...` of the other program's constructors that new statements need.

    Each with the last statement of the constructor that they go behind.
    """
    reads = _reads(new)
    theirs = {_key(f, c): f for f, c in other.functions.items() if f.name == "__init__"}
    found: list[tuple[Spot, list[ast.stmt]]] = []
    for function, classdef in mine.functions.items():
        twin = theirs.get(_key(function, classdef))
        if twin is None:
            continue
        known = stored_attributes(function.body)
        lines = [s for s in twin.body if any(n in reads and n not in known for n in stored_attributes([s]))]
        if lines:
            found.append((mine.spot(function.body[-1]), lines))
    return found
