"""Transactions by tick, and the accesses of the keys that are fought over. No simpy: starts follow from the order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evaluators.txn_scheduling.mechanics import WRITE, Placed, Transaction
from evolve.picture import Interval, Lane, Lanes, Line, Mark, Picture, Series

TRANSACTIONS_SHOWN = 60
KEYS_SHOWN = 24


def drawn(name: str, transactions: Sequence[Transaction], placed: Sequence[Placed], reference: float) -> Picture:
    """Return when each transaction runs, by key what is touched when, and how many run at once."""
    ticks = max(one.end for one in placed)
    ends = Mark(float(ticks), f"all done at {ticks}")
    latest = sorted(placed, key=lambda one: (one.start, one.end))
    shown = latest if len(latest) <= TRANSACTIONS_SHOWN else latest[-TRANSACTIONS_SHOWN:]
    lanes = []
    for one in shown:
        held = f", held up by {one.blocker} on key {one.op[1]}" if one.op is not None else ""
        kind = "held up" if one.blocker >= 0 else "free to start"
        text = f"transaction {one.transaction}: ticks {one.start} to {one.end}{held}"
        lanes.append(Lane(f"{one.transaction}", (Interval(one.start, one.end + 1, kind, text),)))
    wanted = Counter(key for transaction in transactions for _, key, _ in transaction.ops)
    touched: dict[int, list[Interval]] = {key: [] for key, _ in wanted.most_common(KEYS_SHOWN)}
    running = [0] * (ticks + 2)
    for one in placed:
        running[one.start] += 1
        running[one.end + 1] -= 1
        for kind, key, position in transactions[one.transaction].ops:
            if key in touched:
                at = one.start + position - 1
                word = "write" if kind == WRITE else "read"
                touched[key].append(
                    Interval(at, at + 1, word, f"transaction {one.transaction} {word}s key {key} at {at}")
                )
    total, points = 0, []
    for tick in range(1, ticks + 1):
        total += running[tick]
        points.append((float(tick), float(total)))
    more = "" if len(shown) == len(latest) else f", the last {len(shown)} of {len(latest)} to start"
    return Picture(
        f"{name}: {ticks} ticks, the reference takes {reference:g}",
        (
            Series("How many run at once", "tick", "transactions", (Line("running", tuple(points), "step"),), (ends,)),
            Lanes(f"Transactions{more}", "tick", tuple(lanes), (ends,)),
            Lanes(
                f"The {len(touched)} keys that are touched most",
                "tick",
                tuple(Lane(f"key {key}", tuple(found)) for key, found in touched.items()),
                (ends,),
            ),
        ),
        "A key with no gap between its writes is what the end waits for.",
    )
