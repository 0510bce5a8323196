"""From a model's answer to a child: SEARCH/REPLACE edits of the parent, or one whole program in a fence."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from evolve.mutate.answers.evolve_block import editable_lines, is_marker, may_replace, with_blocks_of
from evolve.mutate.answers.matching import NoPlace, Quoted, without_blank_ends
from evolve.mutate.answers.own_words import own_words
from evolve.mutate.mutation import Kind, Proposal
from evolve.mutate.source import check

MAX_ANSWER_CHARS = 2_000_000
MAX_EDITS = 400
MAX_FENCES = 40
MAX_PROGRAMS_CHARS = 400_000
"""More edits, more fenced blocks or more text in them is no answer, and would be costly to try one by one."""

_SEARCH = re.compile(r" {0,3}<{5,9} ?SEARCH\b.*")
_BETWEEN = re.compile(r" {0,3}={5,9}\s*")
_REPLACE = re.compile(r" {0,3}>{5,9} ?REPLACE\b.*")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")


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


@dataclass(frozen=True)
class _Block:
    """A fenced block. first, end: its lines in the answer, the fences among them."""

    first: int
    end: int
    lines: list[str]


def read_answer(parent_source: str, text: str, kind: Kind | str, defines: tuple[str, ...]) -> Proposal:
    """Return the child that an answer describes, or a proposal whose `error` says in one line why there is none.

    text: what the model wrote; any text, nothing makes this raise.
    kind: what was asked for. Either form of answer is taken whatever was asked for. Where an edit or a rewrite was
        asked for, the proposal's kind is the form that was found; any other kind is the purpose of the change, which
        the form does not alter, and stays.
    The proposal's idea is the model's own words on its change: the first sentence or two outside edits and fences.
    Line ends become LF. What stands outside the parent's evolve blocks stays as it is.
    """
    asked = str(kind)
    if len(text) > MAX_ANSWER_CHARS:
        return Proposal(asked, None, f"the answer has {len(text)} characters, more than {MAX_ANSWER_CHARS}")
    parent = _lines(parent_source)
    answer = _lines(text)
    # Some servers leave a reasoning model's thoughts in its answer, drafts of the program among them.
    thought = max((n for n, line in enumerate(answer) if line.strip() == "</think>"), default=-1)
    answer = answer[thought + 1 :]
    form, idea, error, rest = asked, "", "", answer
    try:
        edits, rest = _edits(answer)
        idea = own_words(_outside(rest, _fenced(rest)))
        if edits:
            form = "edit"
            child = _checked(parent, _apply(parent, edits), defines)
            return Proposal(_kind(asked, form), child, idea=idea)
    except AnswerError as failure:
        form, error = "edit", str(failure)
    try:
        child, fences = _whole_program(parent, rest, defines)
        return Proposal(_kind(asked, "rewrite"), child, idea=own_words(_outside(rest, fences)) if fences else "")
    except AnswerError as failure:
        return Proposal(_kind(asked, form), None, error or str(failure), idea)


def _kind(asked: str, form: str) -> str:
    return form if asked in (Kind.EDIT, Kind.REWRITE) else asked


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _checked(parent: list[str], child: list[str], defines: tuple[str, ...]) -> str:
    """Return the child's source. Raises AnswerError when nothing changed or the child is no program of the problem."""
    if [line.rstrip() for line in child] == [line.rstrip() for line in parent]:
        where = " inside the evolve block" if editable_lines(parent) else ""
        raise AnswerError(f"no change{where}: the program is its parent")
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
    if len(edits) > MAX_EDITS:
        raise AnswerError(f"the answer has {len(edits)} edits, more than {MAX_EDITS}")
    blocks = editable_lines(parent)
    quoted = Quoted(parent)
    changes = []
    for edit in edits:
        if not any(line.strip() for line in edit.search):
            raise AnswerError(f"block {edit.number} has an empty SEARCH")
        try:
            place = quoted.find(edit.search, edit.replace)
        except NoPlace as error:
            raise AnswerError(f"block {edit.number} {error}") from None
        change = _trimmed(parent, _Change(edit.number, place.first, place.end, place.lines))
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


# A whole program


def _whole_program(parent: list[str], answer: list[str], defines: tuple[str, ...]) -> tuple[str, list[_Block]]:
    """Return the one whole program of an answer, and its fenced blocks.

    Raises AnswerError when there is none, or more than one.
    """
    fences = _fenced(answer)
    if len(fences) > MAX_FENCES:
        raise AnswerError(f"the answer has {len(fences)} fenced blocks, more than {MAX_FENCES}")
    fenced = [block.lines for block in fences]
    candidates = fenced or [answer]
    if editable_lines(parent):
        # Any text may stand for a block's content, so a program with markers goes before, and prose is never taken.
        marked = [candidate for candidate in candidates if any(map(is_marker, candidate))]
        candidates = marked or fenced
    size = sum(map(len, itertools.chain.from_iterable(candidates))) if len(candidates) > 1 else 0
    if size > MAX_PROGRAMS_CHARS:
        raise AnswerError(f"the fenced blocks hold {size} characters, more than {MAX_PROGRAMS_CHARS}")
    whole: dict[str, None] = {}
    errors: list[str] = []
    for candidate in candidates:
        child = with_blocks_of(parent, without_blank_ends(candidate))
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
        return next(iter(whole)), fences
    if not fences:
        raise AnswerError("the answer has neither a SEARCH/REPLACE block nor a fenced program")
    # A program quoted for reference is not the model's answer, so it does not tell why there is none.
    telling = [error for error in errors if not error.startswith("no change")] or errors
    raise AnswerError(
        telling[0] if len(fences) == 1 else f"none of {len(fences)} fenced blocks is a program: {telling[0]}"
    )


def _fenced(answer: list[str]) -> list[_Block]:
    """Return the fenced blocks; one that the answer's end cuts off is among them."""
    blocks: list[_Block] = []
    fence = indent = ""
    first = 0
    inside: list[str] = []
    for number, line in enumerate(answer):
        mark = _FENCE.match(line)
        if not fence:
            if mark is not None and "`" not in line[mark.end() :]:
                fence, indent = mark[1], line[: mark.start(1)]
                first, inside = number, []
        elif (
            mark is not None
            and line.strip() == mark[1]
            and mark[1].startswith(fence)
            and line.startswith(indent + fence)
        ):
            blocks.append(_Block(first, number + 1, _without(indent, inside)))
            fence = ""
        else:
            inside.append(line)
    if fence:
        blocks.append(_Block(first, len(answer), inside))
    return blocks


def _without(indent: str, lines: list[str]) -> list[str]:
    """Return lines without an indentation that all of them have."""
    if indent and all(not line.strip() or line.startswith(indent) for line in lines):
        return [line.removeprefix(indent) for line in lines]
    return lines


def _outside(answer: list[str], fences: Sequence[_Block]) -> list[str]:
    """Return the lines outside the fenced blocks."""
    lines: list[str] = []
    done = 0
    for block in fences:
        lines += answer[done : block.first]
        done = block.end
    return [*lines, *answer[done:]]
