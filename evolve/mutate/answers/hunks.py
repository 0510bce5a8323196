"""Edits written as a diff: unified, with or without headers and line numbers, or as a patch of other tools."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolve.mutate.answers.edit import AnswerError, Edit, Lines, Refused
from evolve.mutate.answers.fences import Fenced, outside

_HUNK = re.compile(r"@@+(?:[ \t]*-(\d{1,7})(?:,\d+)?[ \t]+\+\d+(?:,\d+)?)?")
_HEADER = re.compile(
    r"(?:diff |index [0-9a-f]|new file|similarity |rename |\*\*\* (?:Begin|End|Update|Add|Delete) |Index: |={20,}$"
    r"|old mode|new mode|deleted file)"
)
_COUNTS = re.compile(r"@@ -\d{1,7}(?:,(\d{1,5}))? \+\d{1,7}(?:,(\d{1,5}))? @@")
_VERSION = re.compile(r"\d+\.\d+[\w.() ]{0,40}")
_ITEM = re.compile(r"[-+] ?[A-Z*`]|[-+]{2,}|[-+]$|[-+] [a-z][^=()\[\]:]*$")
_DIFF = frozenset({"diff", "patch", "udiff", "unified", "git"})


def diff_edits(answer: Sequence[str], blocks: Sequence[Fenced]) -> list[Edit]:
    """Return the hunks of an answer's diffs as edits; none where it has no diff.

    A block that calls itself a diff is one; another needs a line `@@` or a header to begin with. Context lines whose
    leading blank was forgotten are taken as they are, in a second reading. Raises AnswerError for lines of a diff that
    belong to no hunk.
    """
    edits: list[Edit] = []
    others: list[str] = []
    for block in blocks:
        if is_diff(block):
            edits += _hunks(block.lines, len(edits))
            if not block.is_closed:
                raise Refused("the diff is cut off: its fence is not closed")
        else:
            others += block.lines
    rest = outside(answer, blocks)
    first = next((at for at in range(len(rest)) if _begins(rest, at)), None)
    if first is not None:
        edits += _hunks(rest[first:], len(edits), is_bare=True)
        _refuse_cut(rest[first:])
    astray = [line for line in (*rest[:first], *others) if line[:1] in ("+", "-") and not _ITEM.match(line)]
    if edits and astray:
        raise AnswerError(f"a line of its diff stands in no hunk: `{astray[0][:60]}`")
    return edits


def _refuse_cut(lines: Sequence[str]) -> None:
    """Raise Refused for a diff without a fence where it stops in the middle of a hunk.

    Numbers of lines tell where those of its other hunks are right; models often get them wrong.
    """
    last = next((line for line in reversed(lines) if line.strip()), "")
    begun = any(line.startswith("*** Begin Patch") for line in lines)
    if (begun and not any(line.startswith("*** End Patch") for line in lines)) or (
        last.startswith("-") and not _ITEM.match(last)
    ):
        raise Refused("the diff is cut off: the answer ends in the middle of a hunk")
    hunks: list[tuple[int, int]] = []
    for line in lines:
        if (found := _COUNTS.match(line)) is not None:
            hunks.append((int(found[1] or 1), int(found[2] or 1)))
        elif hunks:
            old, new = hunks[-1]
            hunks[-1] = (old - (line[:1] not in ("+", "\\")), new - (line[:1] not in ("-", "\\")))
    if len(hunks) > 1 and max(hunks[-1]) > 0 and min(hunks[-1]) >= 0 and set(hunks[:-1]) == {(0, 0)}:
        raise Refused("the diff is cut off: its last hunk has fewer lines than it says")


def is_diff(block: Fenced) -> bool:
    """Whether a block calls itself a diff, or is one by its lines."""
    return (
        block.info in _DIFF
        or _has_signs(block.lines)
        or any(_begins(block.lines, at) for at in range(len(block.lines)))
    )


def _has_signs(lines: Sequence[str]) -> bool:
    """Whether all lines are those of a diff, and some go and some come; a program has others."""
    signs = {line[:1] for line in lines}
    return {"-", "+"} <= signs <= {"-", "+", " ", ""}


def _begins(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    if line[:1] not in ("@", "*", "-"):
        return False
    if line.startswith("@@"):
        return True
    return line.startswith("*** Begin Patch") or (
        line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")
    )


def _hunks(lines: Sequence[str], count: int, is_bare: bool = False) -> list[Edit]:
    """Return the edits of one diff. count: hunks before it.  is_bare: prose may follow without a sign."""
    edits: list[Edit] = []
    hunk: list[str] = []
    near: int | None = None
    in_hunk = not is_bare
    for at, line in enumerate(lines):
        if line.rstrip() == "--" and at + 1 < len(lines) and _VERSION.fullmatch(lines[at + 1]):
            break  # the end of a mail with a patch
        found = _HUNK.match(line)
        is_header = (
            _HEADER.match(line) is not None
            or (line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "))
            or (line.startswith("+++ ") and at > 0 and lines[at - 1].startswith("--- "))
        )
        if found is not None or is_header:
            edits += _edit(hunk, near, count + len(edits))
            hunk = []
            near = int(found[1]) - 1 if found is not None and found[1] else None
            in_hunk = found is not None or not is_bare or line.startswith(("*** Update", "*** Add", "+++ "))
        elif in_hunk:
            if is_bare and line and line[0] not in " +-\\\t" and not _goes_on(lines[at + 1 :]):
                edits += _edit(hunk, near, count + len(edits))
                hunk, near, in_hunk = [], None, False
            elif not line.startswith("\\ No newline"):
                hunk.append(line)
    return [*edits, *_edit(hunk, near, count + len(edits))]


def _goes_on(lines: Sequence[str]) -> bool:
    """Whether a hunk goes on behind a line without a sign: a signed one follows that is no item of a list."""
    for line in lines:
        if _HUNK.match(line) or _HEADER.match(line):
            return False
        if line[:1] in ("+", "-") and not _ITEM.match(line):
            return True
    return False


def _edit(hunk: list[str], near: int | None, count: int) -> list[Edit]:
    while hunk and not hunk[-1].strip():
        hunk.pop()
    while hunk and not hunk[0].strip():
        hunk.pop(0)
        near = None if near is None else near + 1
    if not any(line[:1] in ("+", "-") for line in hunk):
        return []
    as_it_should = _sides([line[1:] if line[:1] == " " else line for line in hunk], hunk)
    forgotten = _sides(hunk, hunk)
    readings = (as_it_should,) if forgotten == as_it_should else (as_it_should, forgotten)
    return [Edit(f"hunk {count + 1}", readings, in_order=True, line=near)]


def _sides(context: Sequence[str], hunk: Sequence[str]) -> tuple[Lines, Lines]:
    """Return what the hunk finds and what it leaves. context: the lines that are on both sides, by their place."""
    before = [
        line[1:] if line[:1] == "-" else same for line, same in zip(hunk, context, strict=True) if line[:1] != "+"
    ]
    after = [line[1:] if line[:1] == "+" else same for line, same in zip(hunk, context, strict=True) if line[:1] != "-"]
    return tuple(before), tuple(after)
