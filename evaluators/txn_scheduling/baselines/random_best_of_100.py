"""Random: the best of 100 random orders, from a fixed seed.

Source: the random search that Cheng 2024 (Towards Optimal Transaction Scheduling, VLDB) compares with.
"""

import random
from collections import defaultdict

ORDERS = 100


def makespan(transactions, order):
    last_write, last_access = defaultdict(int), defaultdict(int)
    longest = 0
    for index in order:
        length, ops = transactions[index]
        start = 1
        for is_write, key, position in ops:
            free = (last_access[key] if is_write else last_write[key]) + 2 - position
            if free > start:
                start = free
        for is_write, key, position in ops:
            tick = start + position - 1
            if tick > last_access[key]:
                last_access[key] = tick
            if is_write and tick > last_write[key]:
                last_write[key] = tick
        longest = max(longest, start + length - 1)
    return longest


def schedule(transactions):
    rng = random.Random(0)
    facts = [(t.length, [(kind == "w", key, position) for kind, key, position in t.ops]) for t in transactions]
    orders = [rng.sample(range(len(facts)), len(facts)) for _ in range(ORDERS)]
    return min(orders, key=lambda order: makespan(facts, order))
