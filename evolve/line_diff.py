"""What differs between two texts, line by line, at a cost that no text can drive up."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Sequence

MAX_VISITS = 100_000
"""Pairs of equal lines looked at for one comparison, some 10 ms; what is left then counts as replaced."""
MAX_LINES = 20_000
"""Lines of both texts beyond which what differs is given as one piece."""


class _Matcher(difflib.SequenceMatcher[str]):
    """difflib's matcher, which needs time that grows with the cube of the lines, with a budget.

    Its inner loop visits each pair of equal lines in the ranges that it is asked about, so that these can be counted
    beforehand.
    """

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        super().__init__(None, before, after)
        self._before_lines = len(before)
        visits = (1 + len(self.b2j.get(line, ())) for line in before)  # type: ignore[attr-defined]
        self._visits_to = [0, *itertools.accumulate(visits)]
        self._left = MAX_VISITS

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        ahi = self._before_lines if ahi is None else ahi
        visits = self._visits_to[ahi] - self._visits_to[alo]
        if visits > self._left:
            return difflib.Match(alo, blo, 0)
        self._left -= visits
        return super().find_longest_match(alo, ahi, blo, bhi)


def unified_diff(
    before: Sequence[str], after: Sequence[str], before_name: str, after_name: str, context: int = 3
) -> Iterator[str]:
    """Yield the lines of a unified diff, as `difflib.unified_diff` does: nothing when the two are the same.

    before, after: lines with their line ends. What cannot be compared within MAX_VISITS counts as replaced, which is
    a sound diff and a longer one; two texts always give the same.
    """
    if list(before) == list(after):
        return
    yield f"--- {before_name}\n"
    yield f"+++ {after_name}\n"
    for group in _groups(before, after, context):
        a, b = group[0], group[-1]
        yield f"@@ -{_range(a[1], b[2])} +{_range(a[3], b[4])} @@\n"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (f" {line}" for line in before[i1:i2])
            else:
                yield from (f"-{line}" for line in before[i1:i2])
                yield from (f"+{line}" for line in after[j1:j2])


_Code = tuple[str, int, int, int, int]


def _groups(before: Sequence[str], after: Sequence[str], context: int) -> Iterator[Sequence[_Code]]:
    if len(before) + len(after) <= MAX_LINES:
        yield from _Matcher(before, after).get_grouped_opcodes(context)
        return
    most = min(len(before), len(after))
    first = next((n for n in range(most) if before[n] != after[n]), most)
    last = next((n for n in range(most - first) if before[-1 - n] != after[-1 - n]), most - first)
    start, end = max(0, first - context), min(last, context)
    yield [
        ("equal", start, first, start, first),
        ("replace", first, len(before) - last, first, len(after) - last),
        ("equal", len(before) - last, len(before) - last + end, len(after) - last, len(after) - last + end),
    ]


def _range(start: int, end: int) -> str:
    """Return a range of lines as a diff's head has it: from 1, and 0 before an empty range at the top."""
    length = end - start
    if length == 1:
        return f"{start + 1}"
    return f"{start + 1 if length else start},{length}"
