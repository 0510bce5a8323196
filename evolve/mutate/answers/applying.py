"""Edits made in the parent: all of them, or none."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evolve.mutate.answers.characters import plain
from evolve.mutate.answers.edit import AnswerError, Edit, Lines, Refused
from evolve.mutate.answers.elisions import placeholder
from evolve.mutate.answers.evolve_block import editable_lines, is_marker, may_replace
from evolve.mutate.answers.fences import unfenced
from evolve.mutate.answers.indentation import lead, step_of
from evolve.mutate.answers.matching import NoPlace, Place, Quoted, without_blank_ends
from evolve.mutate.source import parse

MAX_EDITS = 400
MAX_READINGS = 16
"""Ways to divide the edits of an answer that are tried out."""


@dataclass(frozen=True)
class _Change:
    """An edit that has found its place: lines[first:end] of the parent become `lines`."""

    name: str
    first: int
    end: int
    lines: Lines


class _NotFound(AnswerError):
    """An edit has no place in the parent as it was."""


class _Ambiguous(AnswerError):
    """An edit has several places, each in another reading."""


def edited(parent: list[str], edits: Sequence[Edit]) -> Iterator[list[str]]:
    """Yield the parent with every edit made; more than once where what is put in can be read in several ways.

    Each edit is looked for in the parent as it was, and if one is not there, in what those before it have made. An edit
    that is given twice is made once. Raises AnswerError, and Refused where an edit leaves code out.
    """
    if len(edits) > MAX_EDITS:
        raise AnswerError(f"the answer has {len(edits)} edits, more than {MAX_EDITS}")
    edits = list({edit.readings: edit for edit in reversed(edits)}.values())[::-1]
    for edit in edits:
        _refuse_left_out(parent, edit)
    tab = "\t" if any("\t" in lead(line) for line in parent) else " " * step_of(parent)
    for mended in (edits, [_mended(edit, tab) for edit in edits]):
        if mended is edits or mended != edits:
            try:
                yield _apply(parent, mended)
            except _Ambiguous:
                yield _the_one_that_parses(parent, mended)
            except _NotFound as error:
                if len(edits) == 1:
                    raise
                yield _one_after_the_other(parent, mended, error)


def _refuse_left_out(parent: Sequence[str], edit: Edit) -> None:
    known = {line.strip() for line in parent}
    for search, lines in edit.readings:
        for line in (*search, *lines):
            # Dots alone may be a protocol's method where they are put in; the child's tree tells.
            if placeholder(line) and line.strip() not in known and (line in search or line.strip() != "..."):
                raise Refused(f"{edit.name} leaves code out: `{line.strip()[:80]}`")


def _one_after_the_other(parent: list[str], edits: Sequence[Edit], error: AnswerError) -> list[str]:
    child = parent
    for edit in edits:
        try:
            child = _apply(child, [edit])
        except AnswerError:
            raise error from None
    return child


def _the_one_that_parses(parent: list[str], edits: Sequence[Edit]) -> list[str]:
    """Return the only program that edits give in one of their readings. Raises Refused where several are programs."""
    children: list[list[str]] = []
    for readings in itertools.islice(itertools.product(*(edit.readings for edit in edits)), MAX_READINGS):
        try:
            child = _apply(parent, [replace(edit, readings=(one,)) for edit, one in zip(edits, readings, strict=True)])
            parse("\n".join(child))
        except (AnswerError, SyntaxError):
            continue
        children.append(child)
    if len(children) != 1:
        name = next(edit.name for edit in edits if len(edit.readings) > 1)
        raise Refused(f"{name} has several lines `=======`, and can be read in more than one way")
    return children[0]


def _mended(edit: Edit, tab: str) -> Edit:
    """Return an edit with plain characters, and without the fence, in what it puts in.

    tab: what a tab that a line begins with stands for, in a program that is indented by spaces.
    """
    return replace(
        edit,
        readings=tuple(
            (search, tuple(_spaced(plain(line), tab) for line in unfenced(lines) or lines))
            for search, lines in edit.readings
        ),
    )


def _spaced(line: str, tab: str) -> str:
    return lead(line).replace("\t", tab) + line.lstrip()


def _apply(parent: list[str], edits: Sequence[Edit]) -> list[str]:
    """Return the parent with every edit made, each one found in the parent as it was."""
    blocks = editable_lines(parent)
    quoted = Quoted(parent)
    changes = []
    for edit in edits:
        if edit.is_insertion:
            changes.append(_insertion(parent, blocks, edit))
            continue
        place = _place(quoted, edit)
        change = _trimmed(parent, _Change(edit.name, place.first, place.end, place.lines))
        if change.first == change.end and not change.lines:
            continue
        if not may_replace(blocks, change.first, change.end):
            raise AnswerError(f"{change.name} changes line {change.first + 1}, outside the evolve block")
        if any(is_marker(line) for line in change.lines):
            raise AnswerError(f"{change.name} adds an EVOLVE-BLOCK comment")
        changes.append(change)
    insertions = {edit.name for edit in edits if edit.is_insertion}
    changes.sort(key=lambda change: (change.first, change.end))
    for one, other in itertools.pairwise(changes):
        same = (other.first, other.end) == (one.first, one.end) and not {one.name, other.name} & insertions
        if other.first < one.end or same:
            both = f"{one.name} and {other.name}".replace(" and block ", " and ").replace("block ", "blocks ", 1)
            raise AnswerError(f"{both} change the same lines")
    child: list[str] = []
    done = 0
    for change in changes:
        child += [*parent[done : change.first], *change.lines]
        done = change.end
    return [*child, *parent[done:]]


def _place(quoted: Quoted, edit: Edit) -> Place:
    """Return where an edit is to be made. Raises _NotFound, and AnswerError where its readings have several places."""
    places: list[Place] = []
    errors: list[str] = []
    for search, lines in edit.readings:
        try:
            places.append(quoted.find(search, lines, edit.line))
        except NoPlace as error:
            errors.append(str(error))
            continue
        if edit.in_order:
            break
    if not places:
        if len(edit.readings) > 1 and not edit.in_order:
            raise _NotFound(f"{edit.name} has {len(edit.readings)} lines `=======`, and no way to divide it matches")
        raise _NotFound(f"{edit.name} {errors[0]}")
    if len(set(places)) > 1:
        raise _Ambiguous(f"{edit.name} has {len(edit.readings)} lines `=======`, and can be read in more than one way")
    return places[0]


def _insertion(parent: list[str], blocks: Sequence[range], edit: Edit) -> _Change:
    """Return where lines go that name no place: imports behind the imports, all else to the end of the last block."""
    lines = without_blank_ends(edit.readings[0][1])
    if not lines:
        raise AnswerError(f"{edit.name} is empty")
    if any(is_marker(line) for line in lines):
        raise AnswerError(f"{edit.name} adds an EVOLVE-BLOCK comment")
    if lines[0][:1].isspace():
        raise AnswerError(f"{edit.name} does not say where its indented lines belong")
    again = sorted(_defined(lines) & _defined(parent))
    if again:
        raise AnswerError(f"{edit.name} has an empty SEARCH and defines `{again[0]}` once more")
    if len(blocks) > 1:
        raise AnswerError(f"{edit.name} has an empty SEARCH, and the program has {len(blocks)} evolve blocks")
    block = blocks[0] if blocks else range(len(parent))
    if _are_imports(lines):
        at = _behind_imports(parent, block)
        return _Change(edit.name, at, at, tuple(lines))
    end = block.stop
    while end > block.start and not parent[end - 1].strip():
        end -= 1
    return _Change(edit.name, end, end, ("", "", *lines) if end > block.start else tuple(lines))


def _defined(lines: Sequence[str]) -> set[str]:
    """Return the functions and classes that lines define at their top level."""
    try:
        body = parse("\n".join(lines)).body
    except SyntaxError:
        return set()
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


def _are_imports(lines: Sequence[str]) -> bool:
    try:
        body = parse("\n".join(lines)).body
    except SyntaxError:
        return False
    return bool(body) and all(isinstance(node, ast.Import | ast.ImportFrom) for node in body)


def _behind_imports(parent: Sequence[str], block: range) -> int:
    """Return the line behind the imports that a block begins with, its docstring and comments passed over."""
    try:
        body = parse("\n".join(parent)).body
    except SyntaxError:
        return block.start
    at = block.start
    for node in body:
        if node.lineno - 1 < block.start:
            continue
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (isinstance(node, ast.Import | ast.ImportFrom) or is_text) or (node.end_lineno or 0) > block.stop:
            break
        at = node.end_lineno or at
    return at


def _trimmed(parent: list[str], change: _Change) -> _Change:
    """Return the change less the lines at its ends that it leaves as they are: only what changes must be allowed."""
    lines = [line.rstrip() for line in change.lines]
    there = [line.rstrip() for line in parent[change.first : change.end]]
    most = min(len(lines), len(there))
    before = next((n for n in range(most) if lines[n] != there[n]), most)
    most -= before
    behind = next((n for n in range(most) if lines[-1 - n] != there[-1 - n]), most)
    kept = change.lines[before : len(lines) - behind]
    return _Change(change.name, change.first + before, change.end - behind, kept)
