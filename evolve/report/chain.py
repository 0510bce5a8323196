"""How the best program came about: the steps from the seed to it, and what each of them changed."""

from __future__ import annotations

import ast
import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from evolve.archive import Program, Store
from evolve.report.changes import unified_diff

MOST_CHARS = 30_000
MOST_STEPS = 100
"""Steps of a way to the best that a page tells of: some searches go thousands of steps."""


@dataclass(frozen=True)
class Link:
    """One step of a lineage.

    Attributes:
        before, after: score on train of the parent and of the program itself; None where there is none.
        added, removed: lines that the program has and its parent has not, and the other way round.
        touched: functions and classes that differ, "+name" new, "-name" gone; empty where a source is not Python.
        diff: a patch from the parent to the program.
    """

    id: int
    parent_id: int
    before: float | None
    after: float | None
    kind: str
    mutator: str
    idea: str
    added: int
    removed: int
    touched: tuple[str, ...]
    diff: str

    @property
    def gain(self) -> float | None:
        """Points above the parent on train."""
        return _gain(self.before, self.after)

    @property
    def deed(self) -> str:
        """What the diff did, in a few words: "+12 -3 lines in rank, +wait"."""
        where = f" in {', '.join(self.touched)}" if self.touched else ""
        return f"+{self.added} -{self.removed} lines{where}"


def ancestors(store: Store, program: Program) -> list[Program]:
    """Return the programs from the seed to a program, itself included.

    A parent is older than its child. In a damaged archive it may not be: the walk ends there.
    """
    found = [program]
    while (parent_id := found[-1].parent_id) is not None and parent_id < found[-1].id:
        parent = store.program(parent_id)
        if parent is None:
            break
        found.append(parent)
    return found[::-1]


def chain(store: Store, program: Program, most: int | None = None) -> list[Link]:
    """Return the steps from the seed to a program, the first one first; none for the seed and for baselines.

    most: of more than so many, those that gained most.
    """

    def gain(step: tuple[Program, Program]) -> float:
        points = _gain(step[0].score, step[1].score)
        return -math.inf if points is None else points

    steps = list(itertools.pairwise(ancestors(store, program)))
    if most is not None and len(steps) > most:
        steps = sorted(sorted(steps, key=gain)[-most:], key=lambda step: step[1].id)
    return [link(store, before, after) for before, after in steps]


def _gain(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def link(store: Store, before: Program, after: Program) -> Link:
    """Return one step of a lineage."""
    patch = unified_diff(before.source, after.source, f"{before.id}.py", f"{after.id}.py")
    body = [line for line in patch.split("\n") if not line.startswith(("+++", "---"))]
    selection = store.selection(after.id)
    return Link(
        after.id,
        before.id,
        before.score,
        after.score,
        after.kind,
        "" if selection is None else selection.mutator,
        after.idea,
        sum(line.startswith("+") for line in body),
        sum(line.startswith("-") for line in body),
        touched(before.source, after.source),
        patch,
    )


def touched(before: str, after: str) -> tuple[str, ...]:
    """Return which functions and methods differ between two programs, in the order of the second.

    None of programs of more than MOST_CHARS: the summary is written while the run waits.
    """
    if max(len(before), len(after)) > MOST_CHARS:
        return ()
    try:
        old, new = _parts(before), _parts(after)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    changed = [name if name in old else f"+{name}" for name, text in new.items() if old.get(name) != text]
    return (*changed, *(f"-{name}" for name in old if name not in new))


@functools.lru_cache(maxsize=2)  # a program is the parent of the next one
def _parts(source: str) -> Mapping[str, str]:
    """Return name -> what it is, of the functions, the methods and what stands beside them ("the top level")."""
    parts: dict[str, str] = {}
    rest = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    parts[f"{node.name}.{inner.name}"] = ast.dump(inner)
                else:
                    rest.append(ast.dump(inner))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts[node.name] = ast.dump(node)
        else:
            rest.append(ast.dump(node))
    return parts | {"the top level": "\n".join(rest)}
