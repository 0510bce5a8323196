"""A makespan that no order is below: the longest transaction, and for every key one machine that its writers share.

A transaction that writes a key holds it from its first access of it to its last write: of two such transactions the
later one's first access, be it a read or a write, comes after the earlier one's last write. It likewise holds it from
its first write to its last access. So for each key, and for both kinds of hold, the holds are jobs of one machine, each
with the ticks of its transaction before (head) and after it (tail); and what a machine needs at least when jobs may be
interrupted is found by Jackson's rule. Exact for the short transactions of a bank, where one hot account decides; for
keys that hold each other up it is far from it.

Source: Jackson 1955, and Carlier 1982 (EJOR 11:1) for the bound of one machine with heads and tails.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence

from evaluators.txn_scheduling.mechanics import WRITE, Transaction

Hold = tuple[int, int, int]
"""(head, ticks, tail): ticks of a transaction before it holds a key, while it does, and after it."""


def makespan_bound(transactions: Sequence[Transaction]) -> int:
    """Return a makespan, in ticks, that no order is below."""
    return bound_and_key(transactions)[0]


def bound_and_key(transactions: Sequence[Transaction]) -> tuple[int, int | None]:
    """Return the bound, and the key whose holds need that long; None where the longest transaction does."""
    read_first: defaultdict[int, list[Hold]] = defaultdict(list)
    read_last: defaultdict[int, list[Hold]] = defaultdict(list)
    for transaction in transactions:
        accesses: defaultdict[int, list[int]] = defaultdict(list)
        writes: defaultdict[int, list[int]] = defaultdict(list)
        for kind, key, position in transaction.ops:
            accesses[key].append(position)
            if kind == WRITE:
                writes[key].append(position)
        for key, written in writes.items():
            for holds, first, last in (
                (read_first, min(accesses[key]), max(written)),
                (read_last, min(written), max(accesses[key])),
            ):
                holds[key].append((first - 1, last - first + 1, transaction.length - last))
    longest = max(transaction.length for transaction in transactions)
    ticks, key = max(
        ((ticks_of_one_machine(holds), key) for by_key in (read_first, read_last) for key, holds in by_key.items()),
        default=(0, 0),
    )
    return (ticks, key) if ticks > longest else (longest, None)


def ticks_of_one_machine(holds: Sequence[Hold]) -> int:
    """Return when the last of the jobs has ended its tail, at the earliest, if jobs may be interrupted.

    Jackson's rule: at any time the job that has come, that is after its head, and that has the longest tail.
    """
    coming = sorted(holds)
    ready: list[tuple[int, int]] = []  # (-tail, ticks left)
    now = end = place = 0
    while place < len(coming) or ready:
        if not ready:
            now = max(now, coming[place][0])
        while place < len(coming) and coming[place][0] <= now:
            _, ticks, tail = coming[place]
            heapq.heappush(ready, (-tail, ticks))
            place += 1
        minus_tail, left = heapq.heappop(ready)
        spent = left if place == len(coming) else min(left, coming[place][0] - now)
        now += spent
        if spent < left:
            heapq.heappush(ready, (minus_tail, left - spent))
        else:
            end = max(end, now - minus_tail)
    return end
