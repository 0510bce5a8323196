"""SMF over all transactions, then local search on the order. 100 is the better of it and insertion_search.

1. SMF with k = n from some first transactions: next the one that raises the makespan least, then the one that ends
   first.
2. Local search from the best of these orders: 96 neighbours at a time (one transaction or a run of them moved, two
   swapped, a run reversed: 2-opt), all evaluated together in numpy. The best of them is kept when its makespan, and
   then the sum of its end ticks, is not above that of the order at hand, or hardly above the best seen (record to
   record, Dueck 1993); after long without a record it goes back to that.

A fixed number of evaluations from a fixed seed, and no clock: the answer is the same on every machine.

Source: SMF, Cheng 2024 (Towards Optimal Transaction Scheduling, VLDB), section 4; 2-opt, Croes 1958.
"""

import numpy as np

BATCH = 96  # neighbours evaluated together
PLACED = 90_000  # transactions placed, a batch counted as one order: the length of the search
CELLS = 2_900_000  # the same, times the columns of the table: transactions of many operations take longer
ROUNDS_PER_TRANSACTION = 20  # at most: a few transactions need no long search
SLACK = 0.005  # share of the record that an order may be above it at first; falls to 0
PATIENCE = 40  # batches without a record
STARTS = 24  # orders made by SMF
NEVER = -(10**6)


class Table:
    """The transactions as arrays (n, m), one column per key that a transaction touches; unused columns hold no key."""

    def __init__(self, transactions):
        self.length = np.array([t.length for t in transactions])
        rows = []
        names = {}
        for t in transactions:
            touched = {}
            for kind, key, position in t.ops:
                number = names.setdefault(key, len(names))
                first_write, first_read, last, last_write = touched.get(number, (None, None, 0, NEVER))
                if kind == "w":
                    first_write = position if first_write is None else min(first_write, position)
                    last_write = max(last_write, position)
                else:
                    first_read = position if first_read is None else min(first_read, position)
                touched[number] = (first_write, first_read, max(last, position), last_write)
            rows.append(touched)
        n, m = len(rows), max(max(map(len, rows)), 1)
        # One column per key and kind of access to look back at: the key's last access, and its last write.
        self.slots = 2 * (len(names) + 1)
        self.slot = np.full((n, 2 * m), self.slots - 1)
        self.after = np.full((n, 2 * m), NEVER)  # start is at least what stands in the slot plus this
        self.sets = np.full((n, 2 * m), NEVER)  # and the slot then holds at least start plus this
        for i, touched in enumerate(rows):
            for j, (key, (first_write, first_read, last, last_write)) in enumerate(touched.items()):
                self.slot[i, 2 * j : 2 * j + 2] = 2 * key, 2 * key + 1
                self.sets[i, 2 * j : 2 * j + 2] = last - 1, last_write - 1
                if first_write is not None:
                    self.after[i, 2 * j] = 2 - first_write
                if first_read is not None:
                    self.after[i, 2 * j + 1] = 2 - first_read


def evaluate(table, orders):
    """(b, n) orders -> (b,) makespans, (b,) sums of end ticks."""
    b, n = orders.shape
    base = (np.arange(b) * table.slots)[:, None]
    slots = np.zeros(b * table.slots, dtype=np.int64)
    ends = np.empty((n, b), dtype=np.int64)
    for turn in range(n):
        now = orders[:, turn]
        at = table.slot[now] + base
        seen = slots[at]
        start = (seen + table.after[now]).max(axis=1)
        np.maximum(start, 1, out=start)
        slots[at] = np.maximum(seen, table.sets[now] + start[:, None])
        np.add(start, table.length[now], out=ends[turn])
    return ends.max(axis=0) - 1, ends.sum(axis=0) - n


def smf(table, first):
    """Order all transactions from a first one: next the one with the least makespan, then with the least end."""
    n = len(table.length)
    slots = np.zeros(table.slots, dtype=np.int64)
    rest = np.arange(n)
    order = np.empty(n, dtype=np.int64)
    longest, chosen = 0, first
    for turn in range(n):
        if turn:
            start = np.maximum((slots[table.slot[rest]] + table.after[rest]).max(axis=1), 1)
            end = start + table.length[rest] - 1
            chosen = rest[(np.maximum(end, longest) * 10**6 + end).argmin()]
        at = table.slot[chosen]
        start = max(1, (slots[at] + table.after[chosen]).max())
        slots[at] = np.maximum(slots[at], start + table.sets[chosen])
        longest = max(longest, start + table.length[chosen] - 1)
        order[turn] = chosen
        rest = rest[rest != chosen]
    return order


def neighbours(order, rng, count):
    """(count, n): the order with one random change each."""
    n = len(order)
    found = np.tile(order, (count, 1))
    kinds = rng.integers(0, 5, count)
    ends = rng.integers(0, n, (count, 2))
    runs = rng.integers(2, 7, count)
    for row, kind, (i, j), run in zip(found, kinds.tolist(), ends.tolist(), runs.tolist(), strict=True):
        if kind < 2:
            moved = row[i]
            row[:] = np.insert(np.delete(row, i), j, moved)
        elif kind == 2:
            row[i], row[j] = row[j], row[i]
        elif kind == 3:
            i = min(i, max(n - run, 0))
            moved = row[i : i + run].copy()
            left = np.delete(row, np.s_[i : i + run])
            row[:] = np.insert(left, min(j, len(left)), moved)
        else:
            row[i : i + run] = row[i : i + run][::-1].copy()
    return found


def search(table, order, rng, rounds):
    """Improve an order; the best one seen comes back."""

    def value(made):
        longest, total = evaluate(table, made)
        return longest * 10**7 + total

    now, now_value = order, int(value(order[None])[0])
    best, best_value = now, now_value
    stale = 0
    for done in range(rounds):
        made = neighbours(now, rng, BATCH)
        values = value(made)
        pick = int(values.argmin())
        allowed = best_value + int(SLACK * (1 - done / rounds) * best_value)
        if values[pick] <= max(now_value, allowed):
            now, now_value = made[pick], int(values[pick])
        stale += 1
        if now_value < best_value:
            best, best_value, stale = now, now_value, 0
        elif stale > PATIENCE:
            now, now_value, stale = best, best_value, 0
    return best


def schedule(transactions):
    n = len(transactions)
    if n < 2:
        return list(range(n))
    table = Table(transactions)
    rng = np.random.default_rng(0)
    firsts = rng.permutation(n)[:STARTS]
    made = np.array([np.arange(n)] + [smf(table, first) for first in firsts])
    longest, total = evaluate(table, made)
    order = made[int((longest * 10**7 + total).argmin())]
    rounds = min(min(PLACED, CELLS // table.slot.shape[1]) // n, ROUNDS_PER_TRANSACTION * n)
    return search(table, order, rng, rounds).tolist()
