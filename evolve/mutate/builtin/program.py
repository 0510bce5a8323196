"""A program as the operators see it: the places where it may change, and how a change becomes text again.

A change is rendered statement by statement and spliced into the parent's text on whole lines, so that everything else
(comments, layout, the text outside `# EVOLVE-BLOCK-START/END`) stays byte for byte. Comments inside a statement that
is rendered anew are lost.
"""

from __future__ import annotations

import ast
import itertools
import re
from functools import cached_property

from evolve.mutate.answers.evolve_block import editable_lines, is_marker
from evolve.mutate.builtin.places import Function, Places, Site, Spot
from evolve.mutate.builtin.scope import Flow
from evolve.mutate.builtin.syntax import span

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
"""Lines as Python counts them; `str.splitlines` also breaks at form feeds and the like."""


class Program:
    """A parsed program. The tree is never left changed: see `Edit`."""

    def __init__(self, source: str, tree: ast.Module) -> None:
        self.source = source
        self.tree = tree

    @cached_property
    def _places(self) -> Places:
        return Places(self.tree, self.free)

    @property
    def sites(self) -> list[Site]:
        """The expressions that may change, in the order of the text."""
        return self._places.sites

    @property
    def spots(self) -> list[Spot]:
        """The statements that may change, in the order of the text."""
        return self._places.spots

    @property
    def functions(self) -> dict[Function, ast.ClassDef | None]:
        """Each function that is not inside another one, with its class, if any."""
        return self._places.functions

    @property
    def nodes(self) -> int:
        """How many expressions and statements there are."""
        return self._places.nodes

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the source, ends included."""
        return LINE.findall(self.source)

    @cached_property
    def flow(self) -> Flow:
        """Which names are bound where."""
        return Flow(self.tree)

    @cached_property
    def _frozen(self) -> list[int] | None:
        """How many of the first n lines may not change; None when all may."""
        if "EVOLVE-BLOCK" not in self.source:
            return None
        blocks = editable_lines(self.lines)
        inside = {number for block in blocks for number in block}
        frozen = (is_marker(line) or (bool(blocks) and i not in inside) for i, line in enumerate(self.lines))
        return list(itertools.accumulate(frozen, initial=0))

    def free(self, first: int, last: int) -> bool:
        """Whether lines first..last (from 1) lie inside one evolve block, or anywhere when there are no markers."""
        frozen = self._frozen
        return frozen is None or frozen[min(last, len(frozen) - 1)] == frozen[min(first, len(frozen) - 1) - 1]

    def spot(self, statement: ast.stmt) -> Spot:
        """Return where a statement of the tree stands."""
        return self._places.spot_of[statement]

    def anchor(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement around `node` that has its lines for itself, if there is one."""
        found: ast.AST | None = node
        while found is not None:
            if isinstance(found, ast.stmt) and self._owns_its_lines(found):
                return found
            found = self._places.around.get(found)
        return None

    def _owns_its_lines(self, statement: ast.stmt) -> bool:
        first, last = span(statement)
        # `elif` is an `if` in the tree, but not where it stands in the text
        head = self.lines[first - 1]
        start = head[: head.find("@") if getattr(statement, "decorator_list", None) else statement.col_offset]
        if start.strip() or head.startswith("elif", len(start)):
            return False
        tail = self.lines[last - 1].encode()[statement.end_col_offset :].strip()
        return not tail or tail.startswith(b"#")
