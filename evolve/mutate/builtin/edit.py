"""A change of a program: made in its tree, rendered statement by statement, spliced into its text on whole lines.

Everything else (comments, layout, the text outside `# EVOLVE-BLOCK-START/END`) stays byte for byte. Comments inside a
statement that is rendered anew are lost.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from evolve.mutate.builtin.places import Site, Spot
from evolve.mutate.builtin.program import Program
from evolve.mutate.builtin.syntax import span


class Splice(NamedTuple):
    """Lines first..last of the parent (from 1) become `text`; last = first - 1 inserts before line `first`."""

    first: int
    last: int
    text: str


class Edit:
    """One change of a program. `finish` makes it in the tree, renders it and takes it back: the tree stays as it is."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._steps: list[Callable[[], bool]] = []
        self._journal: list[tuple[ast.AST, str, Any]] = []
        self._anchors: list[ast.AST] = []
        self._replaced: list[tuple[ast.stmt, list[ast.stmt]]] = []
        self._inserted: list[tuple[ast.stmt, list[ast.stmt]]] = []

    def expression(self, site: Site, new: ast.expr) -> None:
        """Put another expression where `site` is."""
        self._steps.append(lambda: self._expression(site, new))

    def statement(self, spot: Spot, new: Sequence[ast.stmt]) -> None:
        """Put other statements, or none, where `spot` is."""
        self._steps.append(lambda: self._statement(spot, list(new)))

    def before(self, spot: Spot, new: Sequence[ast.stmt]) -> None:
        """Insert statements before `spot`."""
        self._steps.append(lambda: self._before(spot, list(new)))

    def finish(self) -> str | None:
        """Return the child's text.

        None when the change would touch what may not change, asks for two things of one statement, or cannot be
        rendered. Raises RecursionError for a program that is nested too deeply.
        """
        try:
            splices = self._splices() if all(step() for step in self._steps) else None
        except ValueError:  # ast.unparse: an f-string that needs a backslash, an integer of too many digits
            splices = None
        finally:
            for node, field, value in reversed(self._journal):
                setattr(node, field, value)
        return None if splices is None else _spliced(self.program.lines, splices)

    def _set(self, node: ast.AST, field: str, value: Any) -> None:
        self._journal.append((node, field, getattr(node, field)))
        setattr(node, field, value)

    def _expression(self, site: Site, new: ast.expr) -> bool:
        value: Any = new
        if site.at is not None:
            value = list(getattr(site.parent, site.field))
            value[site.at] = new
        self._set(site.parent, site.field, value)
        self._anchors.append(site.statement)
        return True

    def _statement(self, spot: Spot, new: list[ast.stmt]) -> bool:
        at = spot.position
        if at is None:
            return False
        left = [*spot.siblings[:at], *new, *spot.siblings[at + 1 :]]
        if not left and not isinstance(spot.owner, ast.Module) and spot.field == "body":
            new = left = [ast.Pass()]
        self._set(spot.owner, spot.field, left)
        if isinstance(spot.owner, ast.Module) or (left and self.program.anchor(spot.node) is spot.node):
            self._replaced.append((spot.node, new))
        else:
            self._anchors.append(spot.owner)
        return True

    def _before(self, spot: Spot, new: list[ast.stmt]) -> bool:
        at = spot.position
        if at is None:
            return False
        self._set(spot.owner, spot.field, [*spot.siblings[:at], *new, *spot.siblings[at:]])
        if isinstance(spot.owner, ast.Module) or self.program.anchor(spot.node) is spot.node:
            self._inserted.append((spot.node, new))
        else:
            self._anchors.append(spot.owner)
        return True

    def _splices(self) -> list[Splice] | None:
        found: list[Splice] = []
        whole: dict[ast.stmt, list[ast.stmt]] = {}
        for node in self._anchors:
            anchor = self.program.anchor(node)
            if anchor is None:
                return None
            whole[anchor] = [anchor]
        for statement, new in [*self._replaced, *whole.items()]:
            first, last = span(statement)
            if self.program.anchor(statement) is not statement or not self.program.free(first, last):
                return None
            found.append(Splice(first, last, self._render(statement, new)))
        for statement, new in self._inserted:
            first, _ = span(statement)
            if self.program.anchor(statement) is not statement or not self.program.free(first, first):
                return None
            found.append(Splice(first, first - 1, self._render(statement, new)))
        # what is rendered whole holds the changes inside it
        return [s for s in found if not any(_holds(other, s) for other in found if other is not s)]

    def _render(self, statement: ast.stmt, new: Sequence[ast.stmt]) -> str:
        first, _ = span(statement)
        line = self.program.lines[first - 1]
        indent = line[: len(line) - len(line.lstrip())]
        newline = "\r\n" if line.endswith("\r\n") else "\n"
        return "".join(_indented(ast.unparse(ast.fix_missing_locations(s)), indent, newline) for s in new)


def _holds(outer: Splice, inner: Splice) -> bool:
    if inner.last < inner.first:  # an insertion before line `first`: outside a splice that starts there
        return outer.first < inner.first <= outer.last
    return outer.first <= inner.first and inner.last <= outer.last and outer[:2] != inner[:2]


def _indented(text: str, indent: str, newline: str) -> str:
    lines = text.split("\n")
    inside: set[int] = set()
    if indent and ('"""' in text or "'''" in text):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.JoinedStr | ast.Constant) and node.end_lineno:
                inside.update(range(node.lineno, node.end_lineno))
    return "".join((line if i in inside or not line else indent + line) + newline for i, line in enumerate(lines))


def _spliced(lines: Sequence[str], splices: Sequence[Splice]) -> str:
    parts: list[str] = []
    at = 0
    for splice in sorted(splices, key=lambda s: (s.first, s.last)):
        parts += lines[at : splice.first - 1]
        parts.append(splice.text)
        at = max(at, splice.last)
    parts += lines[at:]
    return "".join(parts)
