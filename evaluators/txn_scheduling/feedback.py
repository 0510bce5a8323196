"""The sentence that would help a person to improve an order: what the last transaction had to wait for, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from evaluators.txn_scheduling.mechanics import WRITE, Op, Placed, Transaction


def explain(transactions: Sequence[Transaction], placed: Sequence[Placed], known: str) -> str:
    """Describe a schedule by its critical chain: from the transaction that ends last, back to whom it waited for.

    placed: in the order chosen.  known: other makespans of the instance, for comparison.
    """
    place = {p.transaction: i for i, p in enumerate(placed)}
    last = max(placed, key=lambda p: p.end)
    chain = _chain(placed, last, place)
    facts = [
        f"{len(placed)} transactions, makespan {last.end} ticks ({known}): transaction {last.transaction} "
        f"(number {place[last.transaction] + 1}) ends last"
    ]
    waits = _waits(chain)
    if waits:
        ticks = Counter[int]()
        times = Counter[int]()
        for waited, (_, key, _), _, _ in waits:
            ticks[key] += waited
            times[key] += 1
        worst = ", ".join(f"key {key} ({total} ticks in {times[key]} waits)" for key, total in ticks.most_common(2))
        facts.append(f"a chain of {len(chain)} transactions holds it up, waiting most for {worst}")
        waited, op, later, earlier = max(waits, key=lambda wait: wait[0])
        facts.append(
            f"its longest wait: transaction {later.transaction} (number {place[later.transaction] + 1}) starts "
            f"{waited} ticks after transaction {earlier.transaction}, to {_name(op)} at position {op[2]}"
        )
    else:
        facts.append("it waits for nobody")
    raised, by = _largest_rise(placed)
    facts.append(
        f"transaction {by.transaction} (number {place[by.transaction] + 1}) raises the makespan most, by {raised}"
        + (f", waiting to {_name(by.op)} after transaction {by.blocker}" if by.op else "")
    )
    return "; ".join(facts) + "."


def _name(op: Op) -> str:
    kind, key, _ = op
    return f"{'write' if kind == WRITE else 'read'} key {key}"


def _chain(placed: Sequence[Placed], last: Placed, place: dict[int, int]) -> list[Placed]:
    """Return the transactions each of which waited for the next, the last of the schedule first."""
    chain = [last]
    while chain[-1].blocker >= 0:
        chain.append(placed[place[chain[-1].blocker]])
    return chain


def _waits(chain: Sequence[Placed]) -> list[tuple[int, Op, Placed, Placed]]:
    """Return of every link of the chain the ticks between the starts, the operation that waited, and both ends."""
    return [
        (later.start - earlier.start, later.op, later, earlier)
        for later, earlier in pairwise(chain)
        if later.op is not None
    ]


def _largest_rise(placed: Sequence[Placed]) -> tuple[int, Placed]:
    """Return by how much a transaction, other than the first, raised the makespan at most, and which."""
    best, by, longest = 0, placed[0], placed[0].end
    for one in placed[1:]:
        if one.end - longest > best:
            best, by = one.end - longest, one
        longest = max(longest, one.end)
    return (best, by) if best else (placed[0].end, placed[0])
