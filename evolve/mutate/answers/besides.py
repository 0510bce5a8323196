"""Blocks of code that an answer has besides its edits or its program: quotes, examples of use, more of the change."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence

from evolve.mutate.answers.applying import edited
from evolve.mutate.answers.edit import Edit, Refused
from evolve.mutate.answers.elisions import placeholder
from evolve.mutate.answers.fences import Fenced
from evolve.mutate.answers.functions import Definition, shows_use, written_anew
from evolve.mutate.source import parse, tree_of


def with_blocks_besides(
    parent: Sequence[str], child: list[str], blocks: Sequence[Fenced], defines: tuple[str, ...]
) -> list[str]:
    """Return a child with what the other blocks of its answer write anew: functions, constants, imports.

    A block that quotes the parent or the child, shows the use of it, or is no Python says nothing new.
    Raises Refused where one holds other code, which would be left out.
    """
    for block in blocks:
        body = _said(parent, child, block)
        if not body or shows_use(body, defines):
            continue
        if all(isinstance(node, ast.Import | ast.ImportFrom) for node in body):
            lines = tuple(line for line in block.lines if line not in child)
            child = next(edited(child, [Edit("an import", (((), lines),))]))
            continue
        pieces = written_anew(child, [block.lines], defines)
        if pieces is None or not block.is_closed:
            first = next(line.strip() for line in block.lines if line.strip())
            raise Refused(f"besides its edits, the answer has code that is none of them: `{first[:60]}`")
        child = pieces[0]
    return child


def other_piece(parent: Sequence[str], source: str, lines: Sequence[str]) -> str:
    """Return the function of a child that lines write otherwise than the child and its parent have it; "" for none."""
    try:
        body = parse("\n".join(lines)).body
        known = {ast.dump(node) for tree in (tree_of(source), tree_of("\n".join(parent))) for node in tree.body}
    except SyntaxError:
        return ""
    trees = (tree_of(source), tree_of("\n".join(parent)))
    names = {node.name for tree in trees for node in tree.body if isinstance(node, Definition)}
    return next(
        (n.name for n in body if isinstance(n, Definition) and n.name in names and ast.dump(n) not in known), ""
    )


def _said(parent: Sequence[str], child: Sequence[str], block: Fenced) -> list[ast.stmt]:
    """Return the statements of a block, none where they stand in parent or child already, or it is no code."""
    known = {line.strip() for line in (*parent, *child)}
    new = [line for line in block.lines if line.strip() and line.strip() not in known]
    if not block.may_be_code or all(line.lstrip().startswith("#") or placeholder(line) for line in new):
        return []
    try:
        body = parse(textwrap.dedent("\n".join(block.lines))).body
    except SyntaxError:
        if not block.info:
            return []
        raise Refused(f"besides its edits, the answer has code that is none of them: `{new[0].strip()[:60]}`") from None
    calls = any(isinstance(node, ast.Call) for top in body for node in ast.walk(top))
    return body if calls or not all(isinstance(node, ast.Expr) for node in body) else []
