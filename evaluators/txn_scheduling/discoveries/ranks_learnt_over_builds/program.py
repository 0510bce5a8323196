"""Let the transactions in as they come: of the next LOOKAHEAD ones, the one with the least cost, which is its turn."""

from collections import defaultdict

# EVOLVE-BLOCK-START
import math
import random

import numpy as np

LOOKAHEAD = 1000  # how many of the transactions that are left are compared
TURN = 0.0  # how much it counts how many transactions a transaction would overtake
RISE = 1.0  # how much it counts by how much it would raise the makespan
START = 0.0  # how much it counts in which tick it would start
END = 0.01  # how much it counts in which tick it would end
STEPS = 1_500_000  # row operations of the search
EJECT_STEPS = 2_500_000  # row operations of the ejection chains
BUILD_STEPS = 1_600_000  # row operations of the orders built from nothing
FAR = 1_000_000


class Sequence:
    """An order of some transactions: heads[p, j] is the start of j behind the first p of the order, tails[k, j] the
    ticks from the start of j to the end of all before the last k of it."""

    def __init__(self, transactions):
        n = len(transactions)
        self.users = {}
        for index, transaction in enumerate(transactions):
            for kind, key, position in transaction.ops:
                row = self.users.setdefault(key, {}).setdefault(index, [FAR, FAR, -FAR, -FAR])
                if kind == "w":
                    row[0] = min(row[0], position)
                    row[2] = max(row[2], position)
                else:
                    row[1] = min(row[1], position)
                row[3] = max(row[3], position)
        gap = np.full((n, n), -FAR, dtype=np.int32)
        for rows in self.users.values():
            if len(rows) < 2 or all(row[2] == -FAR for row in rows.values()):
                continue
            members = np.array(list(rows))
            first_write, first_read, last_write, last_access = np.array(list(rows.values()), dtype=np.int32).T
            pair = np.maximum(last_access[:, None] - first_write, last_write[:, None] - first_read) + 1
            block = np.ix_(members, members)
            gap[block] = np.maximum(gap[block], pair)
        gap[gap < -FAR // 2] = -FAR
        np.fill_diagonal(gap, -FAR)
        self.push = list(gap)
        self.pull = list(np.ascontiguousarray(gap.T))
        self.heads = np.ones((n + 1, n), dtype=np.int32)
        self.tails = np.ones((n + 1, n), dtype=np.int32)
        self.tails[0] = [transaction.length for transaction in transactions]
        self.head_rows, self.tail_rows = list(self.heads), list(self.tails)
        self.buffer = np.empty(n, dtype=np.int32)
        self.order = []
        self.steps = 0

    def follow(self, rows, matrix, items, gaps, first):
        """Work rows first + 1 .. out anew from row first; stop where a row comes out as it was."""
        buffer, add, maximum = self.buffer, np.add, np.maximum
        row = rows[first]
        look = first + 3
        for place in range(first, len(items)):
            j = items[place]
            add(gaps[j], row[j], out=buffer)
            below = rows[place + 1]
            if place == look:
                look += 4
                maximum(row, buffer, out=buffer)
                if buffer.tobytes() == below.tobytes():
                    self.steps += place - first + 1
                    return
                below[:] = buffer
            else:
                maximum(row, buffer, out=below)
            row = below
        self.steps += len(items) - first

    def insert(self, place, j):
        size = len(self.order)
        behind = size - place
        for matrix, rows, gaps, at in (
            (self.heads, self.head_rows, self.push, place),
            (self.tails, self.tail_rows, self.pull, behind),
        ):
            matrix[at + 2 : size + 2] = matrix[at + 1 : size + 1]
            row = rows[at]
            np.maximum(row, gaps[j] + row[j], out=rows[at + 1])
        self.order.insert(place, j)
        self.follow(self.head_rows, self.heads, self.order, self.push, place + 1)
        self.follow(self.tail_rows, self.tails, self.order[::-1], self.pull, behind + 1)
        self.steps += 10 + size // 8

    def take(self, place):
        j = self.order.pop(place)
        size = len(self.order)
        behind = size - place
        for matrix, at in ((self.heads, place), (self.tails, behind)):
            matrix[at + 1 : size + 1] = matrix[at + 2 : size + 2]
        self.follow(self.head_rows, self.heads, self.order, self.push, place)
        self.follow(self.tail_rows, self.tails, self.order[::-1], self.pull, behind)
        self.steps += 10 + size // 8
        return j

    def update(self, same_before, same_behind):
        self.follow(self.head_rows, self.heads, self.order, self.push, same_before)
        self.follow(self.tail_rows, self.tails, self.order[::-1], self.pull, same_behind)
        self.steps += 10

    def set(self, order):
        self.order = list(order)
        self.heads[1:] = -1
        self.tails[1:] = -1
        self.update(0, 0)

    def remove(self, gone):
        for place in range(len(self.order) - 1, -1, -1):
            if self.order[place] in gone:
                self.take(place)

    def keep(self):
        return list(self.order), self.heads.copy(), self.tails.copy()

    def back(self, kept):
        self.order = list(kept[0])
        self.heads[:] = kept[1]
        self.tails[:] = kept[2]
        self.steps += len(self.order) // 4

    def through(self):
        size = len(self.order)
        current = np.array(self.order)
        places = np.arange(size)
        return self.heads[places, current] + self.tails[size - 1 - places, current] - 1

    def build(self, factor):
        """An order from nothing: next the one whose chain, times its factor, is longest on average over all places; at
        its best place, of equal ones that which pushes those still missing least. Returns the chain through each."""
        self.order = []
        pool = np.arange(len(self.push))
        heads, tails = self.heads, self.tails
        while len(pool):
            size = len(self.order)
            values = heads[: size + 1, pool] + tails[size::-1, pool]
            column = int((values.sum(axis=0) * factor[pool]).argmax())
            j, chain = int(pool[column]), values[:, column]
            pool = np.delete(pool, column)
            places = np.flatnonzero(chain == chain.min())
            if len(places) > 1 and len(pool):
                later = self.push[j][pool] + heads[places, j][:, None] - heads[np.ix_(places, pool)]
                earlier = self.pull[j][pool] + tails[size - places, j][:, None] - tails[np.ix_(size - places, pool)]
                harm = np.maximum(later, 0).sum(axis=1) + np.maximum(earlier, 0).sum(axis=1)
                places = places[harm == harm.min()]
            self.insert(int(places[0]), j)
        return self.through()

    def fill(self, pool, how, rng):
        """Put the pool back: how 0 the one with the least best chain first, 1 the one with the greatest, 2 the one
        that loses most if it does not get one of its best places, 3 in random order."""
        pool = list(pool)
        rng.shuffle(pool)
        while pool:
            size = len(self.order)
            values = self.heads[: size + 1, pool] + self.tails[size::-1, pool]
            least = values.min(axis=0)
            if how == 0:
                column = int(least.argmin())
            elif how == 1:
                column = int(least.argmax())
            elif how == 2 and size > 4:
                column = int(np.argmax(np.partition(values, 4, axis=0)[:5].sum(axis=0) - 4.9 * least))
            else:
                column = 0
            ties = np.flatnonzero(values[:, column] == least[column])
            place = int(ties[rng.randrange(len(ties))])
            j = pool.pop(column)
            self.insert(place, j)


def eject(state, order, rng):
    """Keep a part of the order within a target at the price of leaving some out; when all are in, the target falls."""
    state.set(order)
    penalty = [1.0] * len(order)
    pool = []

    def chains(j):
        size = len(state.order)
        return state.heads[: size + 1, j] + state.tails[size::-1, j] - 1

    def insert(mask, j):
        places = np.flatnonzero(mask)
        place = int(places[rng.randrange(len(places))])
        state.insert(place, j)

    def relax(kept):
        """Take critical transactions out until the target holds."""
        while len(state.order) > 1:
            over = [p for p in np.flatnonzero(state.through() > target).tolist() if state.order[p] != kept]
            if not over:
                return
            pool.append(state.take(min(over, key=lambda p: penalty[state.order[p]] * (0.3 + rng.random()))))

    best, best_order = int(state.through().max()), list(order)
    target = best - 1
    relax(-1)
    dry = 0
    end = state.steps + EJECT_STEPS
    while state.steps < end:
        if not pool:
            best, best_order = int(state.through().max()), list(state.order)
            target, dry = best - 1, 0
            relax(-1)
            continue
        hardest = max(range(len(pool)), key=lambda k: penalty[pool[k]])
        j = pool.pop(hardest if rng.random() < 0.7 else rng.randrange(len(pool)))
        values = chains(j)
        least = int(values.min())
        if least <= target:
            insert(values == least, j)
            continue
        penalty[j] += 1.0
        dry += 1
        insert(values <= least + (0 if rng.random() < 0.7 else rng.randint(1, 2)), j)
        relax(j)
        # move others within the target, so that the next try meets another order
        for _ in range(3 if dry % 20 else 15):
            moved = state.take(rng.randrange(len(state.order)))
            values = chains(moved)
            insert(values <= target if rng.random() < 0.5 else values == values.min(), moved)
        if dry % 400 == 0:
            penalty = [1.0 + 0.5 * (value - 1.0) for value in penalty]
    return best_order


def improve(transactions, order):
    n = len(order)
    rng = random.Random(0)
    state = Sequence(transactions)
    state.set(order)
    least = int(state.through().max())
    noise = np.random.default_rng(0)
    factor = np.ones(n)
    state.steps = 0
    while state.steps < BUILD_STEPS:
        through = state.build(factor)
        longest = int(through.max())
        if longest < least:
            least, order = longest, list(state.order)
        # what held the last order up comes earlier in the next one
        critical = np.array(state.order)[through == longest]
        factor[critical] *= 1.03
        factor *= np.exp(0.01 * noise.standard_normal(n))
    state.steps = 0
    state.set(order)
    shared = [list(rows) for rows in state.users.values() if len(rows) > 2]
    used = [[] for _ in range(n)]
    for rows in shared:
        for j in rows:
            used[j].append(rows)

    def measure():
        through = state.through()
        longest = int(through.max())
        return through, longest, longest + float((through == longest).sum()) / (2 * n)

    def some(sequence, count):
        return rng.sample(sequence, min(count, len(sequence)))

    through, longest, cost = measure()
    kept = state.keep()
    current = kept[0]
    best, best_order = longest, list(order)
    breakers, fillers = [1.0] * 4, [1.0] * 4
    while state.steps < STEPS:
        heat = 1.0 - state.steps / STEPS
        critical = [current[int(place)] for place in np.flatnonzero(through == longest)]
        count = rng.randint(3, 6 if n > 250 else 10)
        breaker = rng.choices(range(4), breakers)[0]
        filler = rng.choices(range(4), fillers)[0]
        gone = set(some(critical, 1 + count // 4))
        if breaker == 0:
            gone.update(some(critical, count))
        elif breaker == 1:
            place = current.index(next(iter(gone)))
            first = max(0, min(n - count, place - rng.randrange(count)))
            gone.update(current[first : first + count])
        elif breaker == 2:
            keys = used[next(iter(gone))]
            if keys:
                gone.update(some(keys[rng.randrange(len(keys))], count))
        else:
            gone.update(some(current, count))
        state.remove(gone)
        state.fill(sorted(gone), filler, rng)
        new_through, new_longest, new_cost = measure()
        reward = 0.0
        if new_longest < best:
            reward = 10.0
            best, best_order = new_longest, list(state.order)
        elif new_cost < cost:
            reward = 3.0
        if new_cost <= cost or rng.random() < math.exp((cost - new_cost) / (0.05 + 0.7 * heat)):
            through, longest, cost = new_through, new_longest, new_cost
            kept = state.keep()
            current = kept[0]
        else:
            state.back(kept)
        breakers[breaker] = max(0.15, 0.98 * breakers[breaker] + 0.02 * reward)
        fillers[filler] = max(0.15, 0.98 * fillers[filler] + 0.02 * reward)
    best_order = eject(state, best_order, rng)
    return best_order


def priority(index, length, num_ops, num_writes, heat):
    """Those with the lowest come first. heat: how often others touch its keys, summed over its operations."""
    return index


def cost(turn, rise, start, end, length):
    """What it costs to choose a transaction next: its turn, 0 for the next one, and ticks as they would be."""
    return TURN * turn + RISE * rise + START * start + END * end


def schedule(transactions):
    heat = defaultdict(int)
    for transaction in transactions:
        for _, key, _ in transaction.ops:
            heat[key] += 1

    def rank(index):
        transaction = transactions[index]
        writes = sum(kind == "w" for kind, _, _ in transaction.ops)
        hot = sum(heat[key] - 1 for _, key, _ in transaction.ops)
        return priority(index, transaction.length, len(transaction.ops), writes, hot)

    last_write = defaultdict(int)
    last_access = defaultdict(int)
    rest = sorted(range(len(transactions)), key=rank)
    order = []
    makespan = 0
    while rest:
        best, best_cost, best_start = rest[0], float("inf"), 1
        for turn, index in enumerate(rest[:LOOKAHEAD]):
            transaction = transactions[index]
            start = 1
            for kind, key, position in transaction.ops:
                free = (last_access[key] if kind == "w" else last_write[key]) + 2 - position
                start = max(start, free)
            end = start + transaction.length - 1
            index_cost = cost(turn, max(end - makespan, 0), start, end, transaction.length)
            if index_cost < best_cost:
                best, best_cost, best_start = index, index_cost, start
        for kind, key, position in transactions[best].ops:
            tick = best_start + position - 1
            last_access[key] = max(last_access[key], tick)
            if kind == "w":
                last_write[key] = max(last_write[key], tick)
        makespan = max(makespan, best_start + transactions[best].length - 1)
        rest.remove(best)
        order.append(best)
    return improve(transactions, order)


# EVOLVE-BLOCK-END
