"""From a model's answer to a child: SEARCH/REPLACE edits of the parent, or one whole program in a fence."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from evolve.mutate.evolve_block import editable_lines, is_marker, may_replace, with_blocks_of
from evolve.mutate.mutation import Proposal
from evolve.mutate.source import check

MAX_ANSWER_CHARS = 2_000_000
MAX_PLACES = 20
"""Places of a match that are looked for; two are one too many already."""

_SEARCH = re.compile(r" {0,3}<{5,9} ?SEARCH\b.*")
_BETWEEN = re.compile(r" {0,3}={5,9}\s*")
_REPLACE = re.compile(r" {0,3}>{5,9} ?REPLACE\b.*")
_FENCE = re.compile(r"(\s*)(`{3,}|~{3,})\s*([^`]*)")


class AnswerError(Exception):
    """The answer cannot be used; the text says why, in one line."""


@dataclass(frozen=True)
class Edit:
    """One SEARCH/REPLACE block. number: its place in the answer, from 1."""

    number: int
    search: tuple[str, ...]
    replace: tuple[str, ...]


@dataclass(frozen=True)
class _Change:
    """An edit that has found its place: lines[first:end] of the parent become `lines`."""

    number: int
    first: int
    end: int
    lines: tuple[str, ...]


def read_answer(parent_source: str, text: str, kind: str, defines: tuple[str, ...]) -> Proposal:
    """Return the child that an answer describes, or a proposal whose `error` says in one line why there is none.

    text: what the model wrote; any text, nothing makes this raise.
    kind: what was asked for, "edit" or "rewrite". Either form is taken whatever was asked for, and the proposal's kind
        is the form that was found.
    Line ends become LF. What stands outside the parent's evolve blocks stays as it is.
    """
    if len(text) > MAX_ANSWER_CHARS:
        return Proposal(kind, None, f"the answer has {len(text)} characters, more than {MAX_ANSWER_CHARS}")
    parent = _lines(parent_source)
    answer = _lines(text)
    # Some servers leave a reasoning model's thoughts in its answer, drafts of the program among them.
    thought = max((n for n, line in enumerate(answer) if line.strip() == "</think>"), default=-1)
    rest = answer = answer[thought + 1 :]
    edit_error = ""
    try:
        edits, rest = _edits(answer)
        if edits:
            return Proposal("edit", _checked(parent, _apply(parent, edits), defines))
    except AnswerError as error:
        edit_error = str(error)
    try:
        return Proposal("rewrite", _whole_program(parent, rest, defines))
    except AnswerError as error:
        return Proposal("edit", None, edit_error) if edit_error else Proposal(kind, None, str(error))


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _checked(parent: list[str], child: list[str], defines: tuple[str, ...]) -> str:
    """Return the child's source. Raises AnswerError when nothing changed or the child is no program of the problem."""
    if [line.rstrip() for line in child] == [line.rstrip() for line in parent]:
        raise AnswerError("no change: the program is its parent")
    source = "\n".join(child) + "\n"
    if error := check(source, defines):
        raise AnswerError(f"the changed program is broken: {error}")
    return source


# SEARCH/REPLACE


def _edits(answer: list[str]) -> tuple[list[Edit], list[str]]:
    """Return the edits of an answer and its other lines. Raises AnswerError for a block that is not well formed."""
    edits: list[Edit] = []
    rest: list[str] = []
    search: list[str] | None = None
    replace: list[str] | None = None
    for line in answer:
        number = len(edits) + 1
        if _SEARCH.fullmatch(line):
            if search is not None:
                raise AnswerError(f"block {number} is not closed: `<<<<<<< SEARCH` before its `>>>>>>> REPLACE`")
            search = []
        elif search is None:
            if _REPLACE.fullmatch(line):
                raise AnswerError(f"`>>>>>>> REPLACE` after block {number - 1} without its `<<<<<<< SEARCH`")
            rest.append(line)
        elif _BETWEEN.fullmatch(line):
            if replace is not None:
                raise AnswerError(f"block {number} has two lines `=======`")
            replace = []
        elif _REPLACE.fullmatch(line):
            if replace is None:
                raise AnswerError(f"block {number} has no line `=======`")
            edits.append(Edit(number, tuple(search), tuple(replace)))
            search = replace = None
        elif replace is not None:
            replace.append(line)
        else:
            search.append(line)
    if search is not None:
        raise AnswerError(f"block {len(edits) + 1} is cut off: the answer ends before its `>>>>>>> REPLACE`")
    return edits, rest


def _apply(parent: list[str], edits: list[Edit]) -> list[str]:
    """Return the parent with every edit made, each one found in the parent as it was. Raises AnswerError."""
    blocks = editable_lines(parent)
    changes = []
    for edit in edits:
        change = _trimmed(parent, _find(parent, edit))
        if change.first == change.end and not change.lines:
            continue
        if not may_replace(blocks, change.first, change.end):
            raise AnswerError(f"block {edit.number} changes line {change.first + 1}, outside the evolve block")
        if any(is_marker(line) for line in change.lines):
            raise AnswerError(f"block {edit.number} adds an EVOLVE-BLOCK comment")
        changes.append(change)
    changes.sort(key=lambda change: (change.first, change.end))
    for one, next_one in itertools.pairwise(changes):
        if next_one.first < one.end or (next_one.first, next_one.end) == (one.first, one.end):
            raise AnswerError(f"blocks {one.number} and {next_one.number} change the same lines")
    child: list[str] = []
    done = 0
    for change in changes:
        child += [*parent[done : change.first], *change.lines]
        done = change.end
    return [*child, *parent[done:]]


def _find(parent: list[str], edit: Edit) -> _Change:
    """Return where an edit applies: exactly, else but for spaces at line ends, else but for an even indentation.

    Raises AnswerError when a form of match occurs twice, or none at all.
    """
    search, replace = list(edit.search), list(edit.replace)
    if not any(line.strip() for line in search):
        raise AnswerError(f"block {edit.number} has an empty SEARCH")
    found = _places(parent, search)
    if not found:
        # Blank lines at the ends of SEARCH and REPLACE are slips of form, not parts of the edit.
        search, replace = _without_blank_ends(search), _without_blank_ends(replace)
        found = _places([line.rstrip() for line in parent], [line.rstrip() for line in search])
    shift = 0
    if not found:
        shifted = [
            (place, by)
            for place in _places([line.strip() for line in parent], [line.strip() for line in search])
            if (by := _shift(parent[place : place + len(search)], search)) is not None
        ]
        found = [place for place, _ in shifted]
        shift = shifted[0][1] if shifted else 0
    if not found:
        first = next(line.strip() for line in search if line.strip())
        raise AnswerError(f"block {edit.number} matches nowhere: its SEARCH begins with `{_short(first)}`")
    if len(found) > 1:
        where = ", ".join(str(place + 1) for place in found[:5])
        raise AnswerError(f"block {edit.number} matches {len(found)} times: at lines {where}")
    return _Change(edit.number, found[0], found[0] + len(search), tuple(_indented(line, shift) for line in replace))


def _places(lines: list[str], search: list[str]) -> list[int]:
    """Return the numbers of the lines at which `search` begins, the first few of them."""
    text, wanted = "\n" + "\n".join(lines) + "\n", "\n" + "\n".join(search) + "\n"
    places: list[int] = []
    at = text.find(wanted)
    line = counted = 0
    while at >= 0 and len(places) < MAX_PLACES:
        line += text.count("\n", counted, at)
        counted = at
        places.append(line)
        at = text.find(wanted, at + 1)
    return places


def _shift(place: list[str], search: list[str]) -> int | None:
    """Return by how many columns every line of a place is indented more than in `search`; None when that differs."""
    by = {
        (len(there) - len(there.lstrip())) - (len(here) - len(here.lstrip()))
        for there, here in zip(place, search, strict=True)
        if here.strip()
    }
    return by.pop() if len(by) == 1 else None


def _indented(line: str, by: int) -> str:
    if not line.strip() or by == 0:
        return line
    return " " * by + line if by > 0 else line[min(-by, len(line) - len(line.lstrip())) :]


def _without_blank_ends(lines: list[str]) -> list[str]:
    full = [number for number, line in enumerate(lines) if line.strip()]
    return lines[full[0] : full[-1] + 1] if full else []


def _trimmed(parent: list[str], change: _Change) -> _Change:
    """Return the change less the lines at its ends that it leaves as they are: only what changes must be allowed."""
    first, end, lines = change.first, change.end, list(change.lines)
    while first < end and lines and parent[first].rstrip() == lines[0].rstrip():
        first += 1
        lines.pop(0)
    while first < end and lines and parent[end - 1].rstrip() == lines[-1].rstrip():
        end -= 1
        lines.pop()
    return _Change(change.number, first, end, tuple(lines))


def _short(line: str) -> str:
    return line if len(line) <= 60 else line[:60] + "..."


# A whole program


def _whole_program(parent: list[str], answer: list[str], defines: tuple[str, ...]) -> str:
    """Return the one whole program of an answer. Raises AnswerError when there is none, or more than one."""
    fenced = _fenced(answer)
    candidates = fenced or [answer]
    if editable_lines(parent):
        # Any text may stand for a block's content, so a program with markers goes before, and prose is never taken.
        marked = [candidate for candidate in candidates if any(map(is_marker, candidate))]
        candidates = marked or fenced
    whole: dict[str, None] = {}
    errors: list[str] = []
    for candidate in candidates:
        child = with_blocks_of(parent, _without_blank_ends(candidate))
        if child is None:
            errors.append("its EVOLVE-BLOCK comments are not those of its parent")
            continue
        try:
            whole[_checked(parent, child, defines)] = None
        except AnswerError as error:
            errors.append(str(error))
    if len(whole) > 1:
        raise AnswerError(f"the answer holds {len(whole)} different whole programs")
    if whole:
        return next(iter(whole))
    if not fenced:
        raise AnswerError("the answer has neither a SEARCH/REPLACE block nor a fenced program")
    # A program quoted for reference is not the model's answer, so it does not tell why there is none.
    telling = [error for error in errors if not error.startswith("no change")] or errors
    raise AnswerError(
        telling[0] if len(fenced) == 1 else f"none of {len(fenced)} fenced blocks is a program: {telling[0]}"
    )


def _fenced(answer: list[str]) -> list[list[str]]:
    """Return the contents of the fenced blocks; one that the answer's end cuts off is among them."""
    blocks: list[list[str]] = []
    indent, fence = "", ""
    for line in answer:
        mark = _FENCE.fullmatch(line)
        if not fence:
            if mark is not None:
                indent, fence = mark[1], mark[2]
                blocks.append([])
        elif mark is not None and mark[2].startswith(fence) and not mark[3] and mark[1] == indent:
            if all(not line.strip() or line.startswith(indent) for line in blocks[-1]):
                blocks[-1] = [line.removeprefix(indent) for line in blocks[-1]]
            fence = ""
        else:
            blocks[-1].append(line)
    return blocks
