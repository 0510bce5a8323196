"""Best insertion, then ejection chains towards an ever shorter makespan. With smf_local_search the reference: 100.

For every transaction and every place in the order two figures are kept: the tick in which it would start there (its
head), and the ticks from its start there to the end of all (its tail). Their sum is the makespan that putting it there
would cause, so that all places of a transaction are compared in one addition.

1. Orders by SMF (next the one that raises the makespan least) and by best insertion, in three sequences.
2. From the best of them: aim at one tick less; take out transactions on chains that are too long, those that gave
   least trouble so far first; put the others back in, each where it is within the aim or else where it is least beyond
   it, and again take out what is then too long. Some of those within the aim are moved meanwhile, so that the next try
   meets another order. When none is left out, the aim is reached, and is one tick less.

A fixed number of steps from a fixed seed, and no clock: the answer is the same on every machine.

Source: heads, tails and best insertion, Taillard 1990 (EJOR 47:1) for the flow shop; ejection with a count of trouble,
Nagata 2009 (EJOR 196:1); SMF, Cheng 2024 (Towards Optimal Transaction Scheduling, VLDB), section 4.
"""

import random

import numpy as np

STEPS = 5_000_000  # rows of heads and tails computed, some 2 microseconds each
NO_CONFLICT = -10_000  # two transactions that do not hold each other up
MOVED = 4  # transactions moved within the aim after each ejection
SHAKE_EVERY, SHAKEN = 25, 16  # and so many after every so many
FORGET_EVERY = 300  # ejections until all trouble is halved


def separations(transactions):
    """(n, n): if i is before j in the order, j starts at least that many ticks after i."""
    n = len(transactions)
    users = {}
    for index, transaction in enumerate(transactions):
        for kind, key, position in transaction.ops:
            writes, reads = users.setdefault(key, {}).setdefault(index, ([], []))
            (writes if kind == "w" else reads).append(position)
    apart = np.full((n, n), NO_CONFLICT)
    never = -NO_CONFLICT * 10
    for of_key in users.values():
        first_write = np.array([min(writes, default=never) for writes, _ in of_key.values()])
        first_read = np.array([min(reads, default=never) for _, reads in of_key.values()])
        last_write = np.array([max(writes, default=-never) for writes, _ in of_key.values()])
        last = np.array([max(writes + reads) for writes, reads in of_key.values()])
        needed = np.maximum(last[:, None] - first_write, last_write[:, None] - first_read) + 1
        among = np.ix_(list(of_key), list(of_key))
        apart[among] = np.maximum(apart[among], needed)
    np.fill_diagonal(apart, NO_CONFLICT)
    return np.maximum(apart, NO_CONFLICT).astype(np.int32)


class Line:
    """An order of some transactions. heads[p, j]: of j behind the first p; tails[k, j]: of j before the last k."""

    def __init__(self, transactions):
        n = len(transactions)
        self.length = np.array([t.length for t in transactions], dtype=np.int32)
        self.apart = separations(transactions)
        self.after, self.before = list(self.apart), list(np.ascontiguousarray(self.apart.T))
        self.heads = np.ones((n + 1, n), dtype=np.int32)
        self.tails = np.tile(self.length, (n + 1, 1))
        self.head_rows, self.tail_rows = list(self.heads), list(self.tails)
        self.scratch = np.empty(n, dtype=np.int32)
        self.order = []
        self.steps = 0

    def refresh(self, front, back):
        """Compute heads and tails again; those of the first `front` and the last `back` places still hold."""
        size = len(self.order)
        for rows, push, order, first in (
            (self.head_rows, self.after, self.order, front),
            (self.tail_rows, self.before, self.order[::-1], back),
        ):
            for place in range(first, size):
                j, row = order[place], rows[place]
                np.add(push[j], row[j], out=self.scratch)
                np.maximum(row, self.scratch, out=rows[place + 1])
        self.steps += 2 * size - front - back + 12

    def put(self, j, place):
        self.order.insert(place, j)
        self.refresh(place, len(self.order) - 1 - place)

    def take(self, place):
        j = self.order.pop(place)
        self.refresh(place, len(self.order) - place)
        return j

    def reset(self, order):
        self.order = list(order)
        self.refresh(0, 0)
        return self.makespan()

    def through(self, j):
        """(size + 1,): the length of the longest chain through j, in every place."""
        size = len(self.order)
        return self.heads[: size + 1, j] + self.tails[size::-1, j] - 1

    def through_all(self):
        """(size,): the length of the longest chain through the transaction in each place."""
        size = len(self.order)
        members, places = np.array(self.order, dtype=np.int64), np.arange(size)
        return self.heads[places, members] + self.tails[size - 1 - places, members] - 1

    def makespan(self):
        return int(self.through_all().max(initial=0))


def some(rng, mask):
    """One of the places where mask is true."""
    places = np.flatnonzero(mask)
    return int(places[rng.randrange(len(places))])


def smf(line):
    """Next the transaction with the least makespan then, and of those the one that ends first."""
    n = len(line.length)
    start, left = np.ones(n, dtype=np.int64), np.ones(n, dtype=bool)
    order, longest = [], 0
    for _ in range(n):
        end = start + line.length - 1
        rank = np.maximum(end, longest) * 10**6 + end
        j = int(np.where(left, rank, np.iinfo(np.int64).max).argmin())
        longest, left[j] = max(longest, int(end[j])), False
        order.append(j)
        start = np.maximum(start, start[j] + line.apart[j])
    return order


def best_insertion(line, sequence, rng):
    line.reset([])
    for j in sequence:
        through = line.through(j)
        line.put(j, some(rng, through == through.min()))
    return list(line.order)


def search(line, order, rng):
    best, best_order = line.reset(order), list(order)
    longest = int(line.length.max())
    trouble = [1.0] * len(order)
    out = []

    def eject(aim, keep):
        while True:
            late = [place for place in np.flatnonzero(line.through_all() > aim).tolist() if line.order[place] != keep]
            if not late:
                return
            out.append(line.take(min(late, key=lambda place: trouble[line.order[place]] * (0.5 + rng.random()))))

    ejections = 0
    eject(best - 1, None)
    while line.steps < STEPS and best > longest:  # one transaction alone could not be ejected
        if not out:
            best, best_order = line.makespan(), list(line.order)
            eject(best - 1, None)
            continue
        aim = best - 1
        j = out.pop(max(range(len(out)), key=lambda i: trouble[out[i]] * (0.7 + 0.6 * rng.random())))
        through = line.through(j)
        least = int(through.min())
        if least <= aim:
            line.put(j, some(rng, through == least if rng.random() < 0.5 else through <= aim))
            continue
        trouble[j] += 1.0
        line.put(j, some(rng, through <= least + (rng.random() < 0.3)))
        eject(aim, j)
        ejections += 1
        for _ in range(SHAKEN if ejections % SHAKE_EVERY == 0 else MOVED):
            if len(line.order) > 1:
                moved = line.take(rng.randrange(len(line.order)))
                through = line.through(moved)
                line.put(moved, some(rng, through <= aim if rng.random() < 0.5 else through == through.min()))
        if ejections % FORGET_EVERY == 0:
            trouble = [(1.0 + each) / 2 for each in trouble]
    return best_order


def schedule(transactions):
    n = len(transactions)
    if n < 2:
        return list(range(n))
    rng = random.Random(0)
    line = Line(transactions)
    conflicts = np.where(line.apart > NO_CONFLICT, np.maximum(line.apart, 0) + 1, 0).sum(axis=1)
    orders = [smf(line)]
    for sequence in (np.argsort(-conflicts, kind="stable"), np.argsort(-line.length, kind="stable"), orders[0]):
        orders.append(best_insertion(line, list(map(int, sequence)), rng))
    return search(line, min(orders, key=line.reset), rng)
