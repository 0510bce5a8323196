"""The mechanics: when every transaction starts, given the order in which they are let in.

Plain Python, not simpy: a transaction's start follows from those before it in the order, by one formula; nothing waits
in queues and no event depends on a later one.

A transaction of length L runs for L ticks without a pause; its operation at position p (from 1) touches its key in the
p-th of them. A write must come after every earlier access of its key, a read after every earlier write of its key,
where earlier means: by a transaction before it in the order. Its own operations do not hold it up.
Source: Cheng 2024 (Towards Optimal Transaction Scheduling, VLDB), makespan of a schedule; Cheng 2025 (arXiv
2510.06189).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evolve.evaluator import Record

READ, WRITE = "r", "w"

Op = tuple[str, int, int]
"""(kind, key, position): READ or WRITE, the key, and the position in the transaction, from 1."""


class Transaction(Record, frozen=True):
    """One transaction.

    length: ticks that it runs.  ops: what it touches, by rising position, 1 <= position <= length.
    """

    length: int
    ops: tuple[Op, ...]


class Access(NamedTuple):
    """The access of a key that nobody may run over yet. tick: when.  transaction: whose, -1 = nobody's."""

    tick: int
    transaction: int


@dataclass(frozen=True)
class Placed:
    """One transaction in a schedule.

    Attributes:
        transaction: its index.
        start, end: its first and its last tick, from 1.
        blocker: the transaction whose access decided the start, -1 when it could start at tick 1.
        op: the operation that had to wait for the blocker, None when none had to.
    """

    transaction: int
    start: int
    end: int
    blocker: int
    op: Op | None


def schedule(transactions: Sequence[Transaction], order: Sequence[int]) -> list[Placed]:
    """Return the transactions as they run, in the order given. order: (n,) int, indices of transactions.

    Source: start = max(1, max over operations of B + 2 - p), B the last access of the key (write) or its last write
    (read) by those before; see the module's docstring.
    """
    nobody = Access(0, -1)
    last_write: defaultdict[int, Access] = defaultdict(lambda: nobody)
    last_access: defaultdict[int, Access] = defaultdict(lambda: nobody)
    placed = []
    for index in order:
        transaction = transactions[index]
        start, blocker, held_up = 1, -1, None
        for op in transaction.ops:
            kind, key, position = op
            before = (last_access if kind == WRITE else last_write)[key]
            if before.tick + 2 - position > start:
                start, blocker, held_up = before.tick + 2 - position, before.transaction, op
        for kind, key, position in transaction.ops:
            access = Access(start + position - 1, index)
            if access.tick > last_access[key].tick:
                last_access[key] = access
            if kind == WRITE and access.tick > last_write[key].tick:
                last_write[key] = access
        placed.append(Placed(index, start, start + transaction.length - 1, blocker, held_up))
    return placed


def makespan(transactions: Sequence[Transaction], order: Sequence[int]) -> int:
    """Return the last tick of the last transaction. order: (n,) int."""
    return max(placed.end for placed in schedule(transactions, order))
