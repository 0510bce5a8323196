"""Where the lines that a model quotes stand in a program: exactly, but for spaces, or at the one place like them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MAX_PLACES = 20
"""Places of a match that are looked for; two are one too many already."""
ALIKE = 0.9
"""How like a place must be to what is quoted: the share of the characters' pairs that both have, 1 = the same."""
AHEAD = 0.1
"""By how much the most alike place must be ahead of every other one."""
MAX_COMPARISONS = 60_000
"""Lines compared for one answer; an answer that needs more is refused, since it is no edit but a guess."""

_LINE_CHARS = 2_000
"""Longer lines are compared by their beginnings."""


class NoPlace(Exception):
    """The lines stand nowhere, or at more than one place; the text says which, to follow "block 1 "."""


@dataclass(frozen=True)
class Place:
    """lines[first:end] of the program is what is meant, to be replaced by `lines`, indented as they are there."""

    first: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    """A line that counts: its number, its words with single spaces, its pairs of characters, its indentation."""

    number: int
    words: str
    pairs: frozenset[tuple[str, int]]
    indent: int


class Quoted:
    """A program in which quoted lines are looked for, one edit's after the other's."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self._exact = _text(self._lines)
        self._trimmed: str | None = None
        self._stripped: str | None = None
        self._significant: list[_Line] | None = None
        self._comparisons = 0

    def find(self, search: Sequence[str], replace: Sequence[str]) -> Place:
        """Return where lines stand: exactly, else but for spaces at line ends, else but for an even indentation.

        Else the one place that is like them: nine tenths of their pairs of characters are there, and a tenth fewer at
        every other place; blank lines and comments do not count. `replace` takes over the indentation found.
        Raises NoPlace when a form of match occurs twice, or none at all.
        """
        search, replace = list(search), list(replace)
        found = _places(self._exact, search)
        if not found:
            # Blank lines at the ends of SEARCH and REPLACE are slips of form, not parts of the edit.
            search, replace = without_blank_ends(search), without_blank_ends(replace)
            if self._trimmed is None:
                self._trimmed = _text([line.rstrip() for line in self._lines])
            found = _places(self._trimmed, [line.rstrip() for line in search])
        shift = 0
        if not found:
            if self._stripped is None:
                self._stripped = _text([line.strip() for line in self._lines])
            shifted = [
                (place, by)
                for place in _places(self._stripped, [line.strip() for line in search])
                if (by := _shift(self._lines[place : place + len(search)], search)) is not None
            ]
            found = [place for place, _ in shifted]
            shift = shifted[0][1] if shifted else 0
        if not found:
            return self._most_alike(search, replace)
        if len(found) > 1:
            where = ", ".join(str(place + 1) for place in found[:5])
            raise NoPlace(f"matches {len(found)} times: at lines {where}")
        return Place(found[0], found[0] + len(search), tuple(_indented(line, shift) for line in replace))

    def _most_alike(self, search: list[str], replace: list[str]) -> Place:
        nowhere = NoPlace(f"matches nowhere: its SEARCH begins with `{_short(search[0].strip())}`")
        if self._significant is None:
            self._significant = _significant(self._lines)
        if not 0 < sum(map(_counts, search)) <= len(self._significant):
            raise nowhere
        wanted = _significant(search)
        ranked = self._ranked(wanted)
        if not ranked or ranked[0][0] < ALIKE:
            raise nowhere
        if len(ranked) > 1 and ranked[0][0] - ranked[1][0] < AHEAD:
            one, other = sorted(self._significant[at].number + 1 for _, at in ranked[:2])
            raise NoPlace(f"matches nowhere, and is like the lines at {one} and at {other}")
        there = self._significant[ranked[0][1] : ranked[0][1] + len(wanted)]
        first_by, *by = [found.indent - line.indent for found, line in zip(there, wanted, strict=True)]
        if any(other != (by[0] if by else first_by) for other in by) or (by and by[0] not in (0, first_by)):
            raise nowhere  # no telling how the replacement is to be indented
        # Where only the first line has lost its indentation, that of the replacement has too.
        rest_by = by[0] if by else first_by
        lines = [_indented(line, rest_by if number else first_by) for number, line in enumerate(replace)]
        first, end = there[0].number, there[-1].number + 1
        # Comments quoted before and after, where they stand there too, are part of what is replaced.
        for quoted in reversed(search[: wanted[0].number]):
            if first == 0 or self._lines[first - 1].strip() != quoted.strip():
                break
            first -= 1
        for quoted in search[wanted[-1].number + 1 :]:
            if end == len(self._lines) or self._lines[end].strip() != quoted.strip():
                break
            end += 1
        return Place(first, end, tuple(lines))

    def _ranked(self, wanted: list[_Line]) -> list[tuple[float, int]]:
        """Return the two places most like the wanted lines as (likeness, index), the most alike first."""
        assert self._significant is not None
        total = sum(len(line.pairs) for line in wanted)
        # The longest lines tell the most, so they are compared first and most places are given up at once.
        order = sorted(range(len(wanted)), key=lambda n: -len(wanted[n].pairs))
        allowed = (1 - ALIKE + AHEAD) * total
        ranked: list[tuple[float, int]] = []
        for at in range(len(self._significant) - len(wanted) + 1):
            missing = 0.0
            for n in order:
                self._comparisons += 1
                line, there = wanted[n], self._significant[at + n]
                if line.words != there.words:
                    both = len(line.pairs & there.pairs)
                    missing += len(line.pairs) * (1 - 2 * both / (len(line.pairs) + len(there.pairs)))
                    if missing > allowed:
                        break
            else:
                ranked.append((1 - missing / total, at))
            if self._comparisons > MAX_COMPARISONS:
                raise NoPlace("matches nowhere, nor is any one place plainly like it")
        return sorted(ranked, key=lambda entry: -entry[0])[:2]


def without_blank_ends(lines: Sequence[str]) -> list[str]:
    """Return lines without the blank ones at their beginning and end."""
    full = [number for number, line in enumerate(lines) if line.strip()]
    return list(lines[full[0] : full[-1] + 1]) if full else []


def _text(lines: Sequence[str]) -> str:
    return "\n" + "\n".join(lines) + "\n"


def _places(text: str, search: Sequence[str]) -> list[int]:
    """Return the numbers of the lines at which `search` begins, the first few of them."""
    wanted = _text(search)
    places: list[int] = []
    at = text.find(wanted)
    line = counted = 0
    while at >= 0 and len(places) < MAX_PLACES:
        line += text.count("\n", counted, at)
        counted = at
        places.append(line)
        at = text.find(wanted, at + 1)
    return places


def _shift(place: Sequence[str], search: Sequence[str]) -> int | None:
    """Return by how many columns every line of a place is indented more than in `search`; None when that differs."""
    by = {_indent(there) - _indent(here) for there, here in zip(place, search, strict=True) if here.strip()}
    return by.pop() if len(by) == 1 else None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _indented(line: str, by: int) -> str:
    if not line.strip() or by == 0:
        return line
    return " " * by + line if by > 0 else line[min(-by, _indent(line)) :]


def _significant(lines: Sequence[str]) -> list[_Line]:
    """Return the lines that are neither blank nor a comment."""
    found = []
    for number, line in enumerate(lines):
        if _counts(line):
            words = " ".join(line[:_LINE_CHARS].split()) or line.strip()[:1]
            counts = Counter(words[n : n + 2] for n in range(max(1, len(words) - 1)))
            pairs = frozenset((pair, n) for pair, count in counts.items() for n in range(count))
            found.append(_Line(number, words, pairs, _indent(line)))
    return found


def _counts(line: str) -> bool:
    return not line.isspace() and line != "" and not line.lstrip().startswith("#")


def _short(line: str) -> str:
    return line if len(line) <= 60 else line[:60] + "..."
