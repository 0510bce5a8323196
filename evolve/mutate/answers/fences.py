"""The fenced blocks of an answer: where they begin, and where they end although what is in them has fences too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evolve.mutate.answers.edit import AnswerError

MAX_FENCES = 40
"""More fenced blocks are no answer, and would be costly to try one by one."""

MAX_WORDS = 400
"""More characters behind a fence are not looked at."""

FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_QUOTES = re.compile(r'"""|\'\'\'')
_PLACE = re.compile(r"\d+:\d+:")
"""Behind a fence, from which line to which a file has the code, as some editors write it."""
_GOES_ON = re.compile(r"[ \t]+\w[^{}=]*[ ,.:!]|\w[\w']*(?: [^{}=]*)?[.!]\s*$|[*_]")
"""What follows a closing fence on its own line: words, where an opening one has a language."""
_PROSE = frozenset({"markdown", "md", "text", "txt", "plaintext", "answer", "output"})
_CODE = frozenset({"", "python", "py", "python3", "py3", "python-repl", "ipython", "code", "tool_code"})


@dataclass(frozen=True)
class Fenced:
    """A fenced block. first, end: its lines in the answer, the fences among them.  info: the word behind the fence.

    is_closed: it has a closing fence; else the answer's end cuts it off.
    """

    first: int
    end: int
    lines: tuple[str, ...]
    info: str
    is_closed: bool

    @property
    def may_be_code(self) -> bool:
        """Whether what it says of itself does not speak against Python."""
        return self.info in _CODE


def fenced_blocks(answer: Sequence[str]) -> list[Fenced]:
    """Return the fenced blocks. Raises AnswerError for too many.

    A fence inside a string of three quotes closes nothing, unless no other one would. A block of Markdown around
    blocks of code is none itself.
    """
    blocks: list[Fenced] = []
    at = 0
    while at < len(answer):
        mark = FENCE.match(answer[at])
        info = answer[at][mark.end() :] if mark is not None else ""
        if mark is None or "`" in info:
            at += 1
            continue
        word = (info.split() or [""])[0].strip("{}.").lower()
        end, is_closed = _end(answer, at, mark[1], skip_strings=word in _CODE)
        if word in _PROSE or (not word and is_closed):
            inner = _opened_inside(answer, at + 1, end)
            if inner is not None and (word in _PROSE or _is_code_fence(answer[inner])):
                at = inner
                continue
        inside = list(answer[at + 1 : end])
        closed_badly = not is_closed and _closed_badly(inside, mark[1][0])
        if is_closed or any(line.strip() for line in inside):
            indent = answer[at][: mark.start(1)]
            blocks.append(
                Fenced(
                    at,
                    len(answer) if not is_closed else end + 1,
                    tuple(_without(indent, inside)),
                    "" if _PLACE.match(word) else word.partition(":")[0],
                    is_closed or closed_badly,
                )
            )
            if len(blocks) > MAX_FENCES:
                count = sum(FENCE.match(line) is not None for line in answer) // 2
                raise AnswerError(f"the answer has {max(count, len(blocks))} fenced blocks, more than {MAX_FENCES}")
        at = end + 1
    return blocks


def _closed_badly(inside: list[str], sign: str) -> bool:
    """Take a fence that is too short, or ends a line of code, from the end of a block that no other one closes."""
    last = next((at for at in range(len(inside) - 1, -1, -1) if inside[at].strip()), None)
    if last is None or not inside[last].rstrip().endswith(3 * sign):
        return False
    inside[last:] = [inside[last].rstrip().rstrip(sign)]
    return True


def _end(answer: Sequence[str], first: int, fence: str, skip_strings: bool) -> tuple[int, bool]:
    """Return the line of the closing fence and True, or the answer's length and False."""
    indent = answer[first][: answer[first].index(fence)]
    passed: int | None = None
    loose: int | None = None
    quotes = ""
    for number in range(first + 1, len(answer)):
        line = answer[number]
        if fence in line and line.strip().startswith(fence):
            mark = FENCE.match(line)
            if (
                mark is not None
                and line.strip() == mark[1]
                and line.startswith(indent + fence)  # one that is indented otherwise belongs to what is in the block
            ):
                if not quotes or not skip_strings:
                    return number, True
                passed = number if passed is None else passed
            elif loose is None and not quotes and _GOES_ON.match(line[len(indent + fence) :][:MAX_WORDS]):
                loose = number
        if skip_strings and ('"""' in line or "'''" in line):
            for found in _QUOTES.finditer(line):
                if not quotes:
                    quotes = "" if "#" in line[: found.start()] else found[0]
                elif quotes == found[0]:
                    quotes = ""
    ends = [number for number in (passed, loose) if number is not None]
    return (min(ends), True) if ends else (len(answer), False)


def _opened_inside(answer: Sequence[str], first: int, end: int) -> int | None:
    """Return the line of a fence that opens a block, and so cannot close one, among answer[first:end]; None if none."""
    for number in range(first, end):
        mark = FENCE.match(answer[number])
        if mark is not None and (rest := answer[number][mark.end() :]).strip() and "`" not in rest:
            return number
    return None


def _is_code_fence(line: str) -> bool:
    return line.strip().strip("`~").strip().lower() in _CODE - {""}


def _without(indent: str, lines: Sequence[str]) -> Sequence[str]:
    """Return lines without an indentation that all of them have."""
    if indent and all(not line.strip() or line.startswith(indent) for line in lines):
        return [line.removeprefix(indent) for line in lines]
    return lines


def outside(answer: Sequence[str], blocks: Sequence[Fenced]) -> list[str]:
    """Return the lines outside the fenced blocks."""
    lines: list[str] = []
    done = 0
    for block in blocks:
        lines += answer[done : block.first]
        done = block.end
    return [*lines, *answer[done:]]


def unfenced(lines: Sequence[str]) -> list[str] | None:
    """Return what one fence around all of the lines holds; None where there is no such fence."""
    full = [number for number, line in enumerate(lines) if line.strip()]
    if len(full) < 2:
        return None
    first, last = full[0], full[-1]
    opening, closing = FENCE.match(lines[first]), FENCE.match(lines[last])
    if opening is None or closing is None or lines[last].strip() != closing[1] or "`" in lines[first][opening.end() :]:
        return None
    return list(lines[first + 1 : last])
