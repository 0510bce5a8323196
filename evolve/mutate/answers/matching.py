"""Where the lines that a model quotes stand in a program: exactly, but for spaces, or at the one place like them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evolve.mutate.answers.characters import numbers_dropped, plain, without_line_numbers
from evolve.mutate.answers.fences import unfenced
from evolve.mutate.answers.indentation import lead, reindented, step_of

MAX_PLACES = 20
"""Places of a match that are looked for; two are one too many already."""
ALIKE = 0.9
"""How like a place must be to what is quoted: the share of the characters' pairs that both have, 1 = the same."""
AHEAD = 0.1
"""By how much the most alike place must be ahead of every other one."""
MAX_COMPARISONS = 15_000
"""Lines compared for one answer, long ones counted several times; one that needs more is no edit but a guess."""

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
    """A line that counts: its number, its words with single spaces, its pairs of characters."""

    number: int
    words: str
    pairs: frozenset[tuple[str, int]]


class Quoted:
    """A program in which quoted lines are looked for, one edit's after the other's."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self._texts: dict[str, str] = {"exact": _text(self._lines)}
        self._significant: list[_Line] | None = None
        self._comparisons = 0

    def find(self, search: Sequence[str], replace: Sequence[str], near: int | None = None) -> Place:
        """Return where lines stand: exactly, else but for spaces at line ends, else but for their indentation.

        Else but for characters that only look alike, for the kind of quotes, for fences around them and line numbers in
        front of them. Else the one place that is like them: nine tenths of their pairs of characters are there, and a
        tenth fewer at every other place; blank lines and comments do not count. `replace` takes over the indentation
        found.
        near: the line at which the answer says that they stand, for places that are equal.
        Raises NoPlace when a form of match occurs twice, or none at all.
        """
        forms = list(_forms(list(search), list(replace)))
        uneven = ""
        for quoted, instead in forms:
            place = self._literally(quoted, instead, near)
            if isinstance(place, Place):
                return place
            uneven = uneven or place
        try:
            return self._most_alike(*forms[-1])
        except NoPlace as error:
            raise NoPlace(f"matches but for {uneven}") if uneven else error from None

    def _literally(self, search: list[str], replace: list[str], near: int | None) -> Place | str:
        """Return the place at which lines stand, or what it is that differs where they nearly do, or ""."""
        found = _places(self._texts["exact"], search)
        if found:
            return Place(first := _only(found, near), first + len(search), tuple(replace))
        # Blank lines at the ends of SEARCH and REPLACE are slips of form, not parts of the edit.
        search, replace = without_blank_ends(search), without_blank_ends(replace)
        if not search:
            return ""
        found = _places(self._made("trimmed", str.rstrip), [line.rstrip() for line in search])
        if found:
            return Place(first := _only(found, near), first + len(search), tuple(replace))
        uneven = ""
        for form, change in (("stripped", str.strip), ("plain", _plainly), ("quotes", _one_quote)):
            found = []
            made: dict[int, tuple[str, ...]] = {}
            for first in _places(self._made(form, change), [change(line) for line in search]):
                there = self._lines[first : first + len(search)]
                lines = reindented(search, there, replace, step_of(self._lines))
                if lines is None:
                    uneven = uneven or ("tabs" if any("\t" in lead(line) for line in search) else "its indentation")
                else:
                    found.append(first)
                    made[first] = lines
            if found:
                first = _only(found, near)
                end = first + len(search)
                return Place(first, end, _as_written(self._lines[first:end], made[first]))
        return uneven

    def _made(self, form: str, change: Callable[[str], str]) -> str:
        if form not in self._texts:
            self._texts[form] = _text([change(line) for line in self._lines])
        return self._texts[form]

    def _most_alike(self, search: list[str], replace: list[str]) -> Place:
        search, replace = without_blank_ends(search), without_blank_ends(replace)
        nowhere = NoPlace(f"matches nowhere: its SEARCH begins with `{_short(search[0].strip())}`" if search else "")
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
        found = self._significant[ranked[0][1] : ranked[0][1] + len(wanted)]
        quoted = [search[line.number] for line in wanted]
        there = [self._lines[line.number] for line in found]
        lines = reindented(quoted, there, replace, step_of(self._lines))
        if lines is None and len(quoted) > 1 and replace and not lead(quoted[0]):
            # Where only the first line has lost its indentation, that of the replacement has too.
            rest = reindented(quoted[1:], there[1:], replace[1:], step_of(self._lines))
            if rest is not None and lead(quoted[1]) == lead(there[1]):
                lines = (lead(there[0]) + replace[0].lstrip(), *rest)
        if lines is None:
            raise nowhere  # no telling how the replacement is to be indented
        first, end = found[0].number, found[-1].number + 1
        # Comments quoted before and after, where they stand there too, are part of what is replaced.
        for comment in reversed(search[: wanted[0].number]):
            if first == 0 or self._lines[first - 1].strip() != comment.strip():
                break
            first -= 1
        for comment in search[wanted[-1].number + 1 :]:
            if end == len(self._lines) or self._lines[end].strip() != comment.strip():
                break
            end += 1
        return Place(first, end, lines)

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
                line, there = wanted[n], self._significant[at + n]
                self._comparisons += 1
                if line.words != there.words:
                    self._comparisons += len(line.pairs) // 64
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


def _only(found: list[int], near: int | None) -> int:
    """Return the one place, or that of several which is where the answer says. Raises NoPlace."""
    if len(found) > 1 and near in found:
        return near
    if len(found) > 1:
        where = ", ".join(str(place + 1) for place in found[:5])
        raise NoPlace(f"matches {len(found)} times: at lines {where}")
    return found[0]


def _forms(search: list[str], replace: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield SEARCH and REPLACE as they are, then without fences around them, then without line numbers."""
    yield search, replace
    bare = unfenced(search)
    if bare is not None:
        search, replace = bare, unfenced(replace) or replace
        yield search, replace
    unnumbered = without_line_numbers(search)
    if unnumbered is not None:
        yield list(unnumbered), list(numbers_dropped(replace))


def _plainly(line: str) -> str:
    return plain(line).strip()


def _one_quote(line: str) -> str:
    return _plainly(line).replace("'", '"')


def _as_written(there: Sequence[str], lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return lines with those that the program has, but for characters that look alike, as the program has them."""
    kept = {plain(line).rstrip(): line for line in there}
    return tuple(kept.get(plain(line).rstrip(), line) for line in lines)


def _significant(lines: Sequence[str]) -> list[_Line]:
    """Return the lines that are neither blank nor a comment."""
    found = []
    for number, line in enumerate(lines):
        if _counts(line):
            words = " ".join(plain(line[:_LINE_CHARS]).split()) or line.strip()[:1]
            counts = Counter(words[n : n + 2] for n in range(max(1, len(words) - 1)))
            pairs = frozenset((pair, n) for pair, count in counts.items() for n in range(count))
            found.append(_Line(number, words, pairs))
    return found


def _counts(line: str) -> bool:
    return not line.isspace() and line != "" and not line.lstrip().startswith("#")


def _short(line: str) -> str:
    return line if len(line) <= 60 else line[:60] + "..."
