"""SEARCH/REPLACE blocks, in all the clothes that models put them in."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from evolve.mutate.answers.edit import AnswerError, Edit, Lines
from evolve.mutate.answers.fences import FENCE

MAX_DIVIDERS = 8
"""More lines of `=` in one block are no divider and headings, but a puzzle."""

MAX_MARK_CHARS = 200

_MARK = re.compile(
    r"(?P<lead>[ \t]*(?:(?:[-*+•]|\d{1,2}[.)]|\#{1,6}|//|>)[ \t]+)?)[*_`\"]{0,3}"
    r"(?P<signs><{3,}|={3,}|>{3,}|-{5,9}|\+{5,9})[ \t]*(?P<label>[^\n]{0,100}?)[ \t]*"
)
_SIGNS = re.compile(r"<<<|===|>>>|-----|\+{5}")
"""What a mark has: most lines have none of it, and need no closer look."""
_SEARCH = frozenset({"SEARCH", "ORIGINAL", "HEAD", "OLD", "BEFORE", "FIND", "CURRENT", "EXISTING"})
_REPLACE = frozenset(
    {"REPLACE", "UPDATED", "UPDATE", "NEW", "AFTER", "REPLACEMENT", "MODIFIED", "REPLACED", "WITH", "CHANGED"}
)
_PLACE = re.compile(r":(?:start|end)_line: ?\d+|-{5,9}")
_BASE = re.compile(r"\|{5,10}(?: .*)?")
_END = frozenset({"END", "ENDREPLACE", "DONE"})


@dataclass(frozen=True)
class _Mark:
    """A line that may open, divide or close a block.

    sign: `<`, `=`, `>` or `-`, `length` of them.  word: the first of its label, in capitals.  lead: what is before it.
    """

    sign: str
    length: int
    word: str
    label: str
    lead: str

    @property
    def opens(self) -> bool:
        if self.sign != "<":
            return False
        return self.word in _SEARCH or self.length == 7 or (4 <= self.length <= 10 and not self.label)

    @property
    def divides(self) -> bool:
        return self.sign == "=" and (not self.label or self.word in _REPLACE)

    def closes(self, opening: _Mark) -> bool:
        if self.sign != ">":
            return self.sign == "<" and self.word in _REPLACE
        if self.word in _REPLACE | _SEARCH | _END:
            return True
        return self.length == opening.length or (self.length >= 4 and not self.label)


@dataclass
class _Open:
    """A block that is being read. found: (line of the body, mark) of what may divide it."""

    mark: _Mark
    in_fence: bool
    body: list[str] = field(default_factory=list)
    found: list[tuple[int, _Mark]] = field(default_factory=list)
    search: list[str] | None = None
    """The SEARCH where it was a block of its own."""


def _mark(line: str) -> _Mark | None:
    if _SIGNS.search(line) is None:
        return None
    found = _MARK.fullmatch(line) if len(line) <= MAX_MARK_CHARS else None
    if found is None:
        return None
    label = found["label"].strip('*_`":<>=. \t')
    word = re.split(r"[\s/:(\[]", label.upper(), maxsplit=1)[0]
    sign = found["signs"][0]
    if sign in "-+" and (label or sign == "+"):  # `------- SEARCH` and `+++++++ REPLACE` are marks of one tool
        if word != {"-": "SEARCH", "+": "REPLACE"}[sign]:
            return None
        sign = {"-": "<", "+": ">"}[sign]
    return _Mark(sign, len(found["signs"]), word, label, found["lead"])


def search_replace_blocks(answer: Sequence[str]) -> tuple[list[Edit], list[str]]:
    """Return the edits of an answer and its other lines. Raises AnswerError for a block that is not well formed.

    A block is closed by what looks like its mark, and divided by a line of `=` as long as its opening mark; where there
    are more of those, or only others, each way to divide it is a reading of the edit.
    """
    edits: list[Edit] = []
    rest: list[str] = []
    block: _Open | None = None
    apart: list[str] | None = None
    for line in answer:
        number = len(edits) + 1
        mark = _mark(line)
        if block is None:
            if mark is not None and (mark.opens or (apart is not None and mark.sign == "<" and mark.word in _REPLACE)):
                block = _Open(mark, _is_fence(rest), search=apart)
                apart = None
                continue
            if mark is not None and mark.sign == ">" and (mark.word in _REPLACE or mark.length == 7):
                raise AnswerError(f"`>>>>>>> REPLACE` after block {number - 1} without its `<<<<<<< SEARCH`")
            rest.append(line)
            continue
        if mark is not None and mark.opens and mark.word not in _REPLACE:
            raise AnswerError(f"block {number} is not closed: `<<<<<<< SEARCH` before its `>>>>>>> REPLACE`")
        if mark is not None and mark.sign == "<" and mark.word in _REPLACE and not block.found and block.search is None:
            block.found.append((len(block.body), _Mark("=", block.mark.length, "", "", mark.lead)))
            block.body.append(line)
        elif mark is not None and mark.closes(block.mark):
            if not block.found and block.search is None and mark.word in _SEARCH:
                apart = _dedented(block)
            else:
                edits.append(_edit(f"block {number}", block))
            block = None
        else:
            if mark is not None and (mark.divides or mark.sign == "-"):
                block.found.append((len(block.body), mark))
            block.body.append(line)
    if block is not None or apart is not None:
        words = None if block is None else _behind_its_fence(block)
        if block is None or words is None:
            raise AnswerError(f"block {len(edits) + 1} is cut off: the answer ends before its `>>>>>>> REPLACE`")
        rest += words
        edits.append(_edit(f"block {len(edits) + 1}", block))
    return edits, rest


def _edit(name: str, block: _Open) -> Edit:
    body = _dedented(block)
    if block.search is not None:
        return Edit(name, ((tuple(block.search), tuple(body)),))
    equals = [(at, mark) for at, mark in block.found if mark.sign == "="]
    fitting = [at for at, mark in equals if mark.length == block.mark.length or mark.label]
    at_all = fitting or [at for at, _ in equals] or [at for at, m in block.found if m.length == block.mark.length]
    if not at_all:
        raise AnswerError(f"{name} has no line `=======`")
    # One more before the closing mark divides nothing.
    while len(at_all) > 1 and not any(line.strip() for line in body[at_all[-1] + 1 :]) and at_all[-1] - at_all[-2] > 1:
        body = body[: at_all.pop()]
    if len(at_all) > MAX_DIVIDERS or any(b - a == 1 for a, b in itertools.pairwise(at_all)):
        raise AnswerError(f"{name} has {'two' if len(at_all) == 2 else len(at_all)} lines `=======`")
    readings: tuple[tuple[Lines, Lines], ...] = tuple((_old(body[:at]), tuple(body[at + 1 :])) for at in at_all)
    return Edit(name, readings)


def _old(lines: list[str]) -> Lines:
    """Return a SEARCH without the place that a tool has it begin with, and the third version of a conflict."""
    first = 0
    if lines and lines[0].startswith(":"):
        first = next((at for at, line in enumerate(lines[:4]) if not _PLACE.fullmatch(line.strip())), 0)
    end = next((at for at, line in enumerate(lines) if line.startswith("|||||") and _BASE.fullmatch(line)), len(lines))
    return tuple(lines[first:end])


def _dedented(block: _Open) -> list[str]:
    """Return a block's lines without what stands before its mark, where it stands before all of them."""
    before = block.mark.lead
    if ">" in before:
        sign = before[: before.index(">") + 1]
        if all(line.startswith(sign) for line in block.body):
            return [line[len(sign) :].removeprefix(" ") for line in block.body]
    before = " " * len(before) if before.strip() else before
    marks = {at for at, _ in block.found}
    if before and all(
        not line.strip() or line.startswith(before) for at, line in enumerate(block.body) if at not in marks
    ):
        return [line.removeprefix(before) for line in block.body]
    return block.body


def _is_fence(rest: Sequence[str]) -> bool:
    """Whether the last line that says something opens or closes a fenced block."""
    last = next((line for line in reversed(rest[-4:]) if line.strip()), "")
    return FENCE.match(last) is not None


def _behind_its_fence(block: _Open) -> list[str] | None:
    """Take from a block without a closing mark what follows the fence around it; None where no fence closes it."""
    if not block.in_fence or not block.found:
        return None
    fences = [at for at, line in enumerate(block.body) if FENCE.match(line)]
    if len(fences) != 1 or fences[0] < block.found[-1][0] or block.body[fences[0]].strip("`~ \t"):
        return None
    words = block.body[fences[0] :]
    del block.body[fences[0] :]
    return words
