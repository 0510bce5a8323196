"""Rectangles of time and addresses: whether two overlap, and how much is taken at the fullest time.

Intervals are half open: what ends at 3 and what begins at 3 do not meet.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence


def max_load(lower: Sequence[int], upper: Sequence[int], size: Sequence[int]) -> int:
    """Return the most that is taken at any time, with all sizes added up: no placement has a lower peak.

    lower, upper: (n,) from when until when.  size: (n,) how much.
    """
    change: dict[int, int] = {}
    for start, end, taken in zip(lower, upper, size, strict=True):
        change[start] = change.get(start, 0) + taken
        change[end] = change.get(end, 0) - taken
    load = most = 0
    for time in sorted(change):
        load += change[time]
        most = max(most, load)
    return most


def first_overlap(
    lower: Sequence[int], upper: Sequence[int], size: Sequence[int], offset: Sequence[int]
) -> tuple[int, int, int] | None:
    """Return (time, one, other) of the first two that take the same address at the same time; None: there are none.

    Sweeps the starts; those that are there are kept in the order of their addresses. size: all above 0.
    """
    starts = sorted(range(len(lower)), key=lambda k: (lower[k], offset[k]))
    ends = sorted(range(len(lower)), key=lambda k: upper[k])
    there: list[tuple[int, int]] = []  # (offset, which)
    ended = 0
    for one in starts:
        while upper[ends[ended]] <= lower[one]:
            gone = ends[ended]
            del there[bisect_left(there, (offset[gone], gone))]
            ended += 1
        place = bisect_left(there, (offset[one], one))
        for _, other in there[max(0, place - 1) : place + 1]:
            if offset[other] < offset[one] + size[one] and offset[one] < offset[other] + size[other]:
                return lower[one], other, one
        insort(there, (offset[one], one))
    return None
