"""The functions, methods and constants of its parent that an answer writes anew, put in the place of the old ones."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from evolve.mutate.answers.characters import plain
from evolve.mutate.answers.edit import Refused
from evolve.mutate.answers.elisions import placeholder
from evolve.mutate.answers.evolve_block import editable_lines, may_replace
from evolve.mutate.answers.matching import without_blank_ends
from evolve.mutate.source import parse, tree_of

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Span = tuple[int, int]


class _Otherwise(Exception):
    """The texts hold something else than pieces of the parent written anew."""


@dataclass
class _Pieces:
    """What texts write anew. changes: span in the parent -> its new lines.  written: those lines, before a merge."""

    changes: dict[Span, list[str]] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    added: dict[str, list[str]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)


def written_anew(
    parent: list[str], texts: Iterable[Sequence[str]], defines: tuple[str, ...]
) -> tuple[list[str], list[str]] | None:
    """Return the parent with the pieces that texts write anew, and the lines they wrote; None where they hold others.

    Pieces are functions, classes, constants of the parent's top level and methods of its classes; one of them at least
    must be there. Imports and names that the parent does not have are put in before them. A class that has some of its
    methods only keeps the others. A text that but calls what the problem asks for shows its use and is passed over.
    Raises Refused where one leaves code out.
    """
    try:
        tree = tree_of("\n".join(parent))
    except SyntaxError:
        return None
    pieces = _Pieces()
    try:
        for text in texts:
            _take(parent, tree, without_blank_ends(text), defines, pieces)
    except (SyntaxError, _Otherwise):
        return None
    blocks = editable_lines(parent)
    if not pieces.changes or not all(may_replace(blocks, *span) for span in pieces.changes):
        return None
    child = list(parent)
    for (first, end), lines in sorted(pieces.changes.items(), reverse=True):
        child[first:end] = lines
    changed = min(first for first, _ in pieces.changes)
    at = max(first for first, _ in map(span_of, tree.body) if first <= changed)
    added = [line for lines in pieces.added.values() for line in lines]
    child[at:at] = [*pieces.imports, *(["", ""] if pieces.imports else []), *added]
    return child, pieces.written


def span_of(node: ast.stmt) -> Span:
    """Return the lines of a statement, its decorators among them: first and end, from 0."""
    decorators = node.decorator_list if _is_definition(node) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1, node.end_lineno or node.lineno


def _take(parent: list[str], tree: ast.Module, text: list[str], defines: tuple[str, ...], pieces: _Pieces) -> None:
    short = next((line.strip() for line in text if _stands_for_code(line, parent)), "")
    if short:
        raise Refused(f"the program leaves code out: `{short[:80]}`")
    lines = textwrap.dedent("\n".join(text)).split("\n") if text and text[0][:1].isspace() else text
    try:
        body = parse("\n".join(lines)).body
    except SyntaxError:
        lines = [plain(line) for line in lines]
        body = parse("\n".join(lines)).body
    if shows_use(body, defines):
        return
    there = dict(_named(tree))
    others = [node for node in body if not isinstance(node, ast.Import | ast.ImportFrom)]
    if others and not any(_is_definition(node) or _name(node) in there for node in others):
        raise _Otherwise  # data alone, of whatever
    for node in body:
        own = lines[slice(*span_of(node))]
        if isinstance(node, ast.Import | ast.ImportFrom):
            pieces.imports += [line for line in own if line not in parent and line not in pieces.imports]
            continue
        name = _name(node)
        old = there.get(name) or there.get(f".{name}" if _is_method(node) else "")
        if not name or (old is not None and _is_definition(old) != _is_definition(node)):
            raise _Otherwise
        if old is None:
            own = [*own, "", ""] if _is_definition(node) else [*own, ""]
            if _is_method(node) or pieces.added.setdefault(name, own) != own:
                raise _Otherwise
            pieces.written += own
            continue
        span = span_of(old)
        new = [line and " " * old.col_offset + line for line in own]
        if new == parent[slice(*span)]:
            continue  # quoted as it is
        pieces.written += own
        if isinstance(old, ast.ClassDef) and isinstance(node, ast.ClassDef):
            new = _merged(parent, old, lines, node)
        if pieces.changes.setdefault(span, new) != new:
            raise _Otherwise


def _stands_for_code(line: str, parent: Sequence[str]) -> bool:
    return placeholder(line) and line not in parent and line.strip() != "..."  # of dots alone the tree tells


def shows_use(body: Sequence[ast.stmt], defines: tuple[str, ...]) -> bool:
    """Whether a text defines nothing and calls what the problem asks for: an example of its use, or a test."""
    if any(map(_is_definition, body)):
        return False
    calls = (node.func for top in body for node in ast.walk(top) if isinstance(node, ast.Call))
    return any(isinstance(call, ast.Name) and call.id in defines for call in calls)


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the pieces of a program by name: of its top level, and as ".name" the methods that one class only has."""
    methods: dict[str, list[ast.stmt]] = {}
    bound: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        if name := _name(node):
            bound.setdefault(name, []).append(node)
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                methods.setdefault(f".{_name(method)}", []).append(method)
    yield from ((name, nodes[0]) for name, nodes in bound.items() if len(nodes) == 1)
    yield from ((name, nodes[0]) for name, nodes in methods.items() if len(nodes) == 1 and name != ".")


def _name(node: ast.stmt) -> str:
    """Return the one name that a statement defines or assigns; "" for any other."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            return name
    return ""


def _is_definition(node: ast.stmt) -> TypeGuard[Definition]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _is_method(node: ast.stmt) -> bool:
    """Whether it is a function whose first parameter is the object or the class."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    parameters = [*node.args.posonlyargs, *node.args.args]
    return bool(parameters) and parameters[0].arg in ("self", "cls")


def _merged(parent: list[str], old: ast.ClassDef, lines: list[str], new: ast.ClassDef) -> list[str]:
    """Return the old class with the methods of the new one, where it has some of them only; else the new one.

    Raises _Otherwise where the new one has data of its own: no telling what of the old one's goes.
    """
    first, end = span_of(old)
    before = {_name(node): node for node in old.body if _is_definition(node)}
    now = {_name(node): node for node in new.body if _is_definition(node)}
    if before.keys() <= now.keys() or not before.keys() & now.keys():
        return lines[slice(*span_of(new))]
    known = {ast.dump(node) for node in old.body}
    if not all(_is_definition(node) or ast.dump(node) in known for node in new.body):
        raise _Otherwise
    shift = old.body[0].col_offset - new.body[0].col_offset
    merged = parent[first:end]
    written = {name: [_shifted(line, shift) for line in lines[slice(*span_of(node))]] for name, node in now.items()}
    for name, node in sorted(before.items(), key=lambda item: -item[1].lineno):
        if name in written:
            start, stop = span_of(node)
            merged[start - first : stop - first] = written[name]
    return [*merged, *(line for name in now.keys() - before.keys() for line in ("", *written[name]))]


def _shifted(line: str, by: int) -> str:
    if by < 0 and not line[:-by].isspace():
        return line
    return line and (" " * by + line if by > 0 else line[-by:])
