"""The sentence that would help a person to improve an order: what the last transaction had to wait for, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from evaluators.txn_scheduling.mechanics import WRITE, Op, Placed


def explain(placed: Sequence[Placed], known: str, reference_did: str = "") -> str:
    """Describe a schedule by its critical chain: from the transaction that ends last, back to whom it waited for.

    placed: in the order chosen.  known: other makespans of the instance, for comparison.
    reference_did: what `chain_in_words` says of the reference's order, for comparison.
    """
    place = {p.transaction: i for i, p in enumerate(placed)}
    last = max(placed, key=lambda p: p.end)
    chain = _chain(placed, last, place)
    facts = [
        f"{len(placed)} transactions, makespan {last.end} ticks ({known}): {last.transaction} "
        f"(number {place[last.transaction] + 1}) ends last"
    ]
    waits = _waits(chain)
    if waits:
        facts.append(f"{_in_words(chain)} holds it up" + (f" (reference: {reference_did})" if reference_did else ""))
        waited, op, later, earlier = max(waits, key=lambda wait: wait[0])
        facts.append(
            f"longest wait: {later.transaction} (number {place[later.transaction] + 1}) starts "
            f"{waited} ticks after {earlier.transaction}, to {_name(op)} at position {op[2]}"
        )
    else:
        facts.append("it waits for nobody")
    raised, by = _largest_rise(placed)
    facts.append(
        f"{by.transaction} (number {place[by.transaction] + 1}) raises the makespan most, by {raised}"
        + (f", waiting to {_name(by.op)} after {by.blocker}" if by.op else "")
    )
    return "; ".join(facts) + "."


def chain_in_words(placed: Sequence[Placed]) -> str:
    """Return the length of the critical chain of a schedule and the keys it waits for most. placed: in its order."""
    place = {p.transaction: i for i, p in enumerate(placed)}
    return _in_words(_chain(placed, max(placed, key=lambda p: p.end), place))


def _in_words(chain: Sequence[Placed]) -> str:
    ticks, times = Counter[int](), Counter[int]()
    for waited, (_, key, _), _, _ in _waits(chain):
        ticks[key] += waited
        times[key] += 1
    worst = ", ".join(f"key {key} ({total} ticks in {times[key]})" for key, total in ticks.most_common(2))
    return f"a chain of {len(chain)}, longest at {worst}" if worst else f"a chain of {len(chain)}"


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
