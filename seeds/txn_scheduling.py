"""An order of transactions."""

from collections import defaultdict

# EVOLVE-BLOCK-START
# They go in as they come: of the next LOOKAHEAD ones the one with the least cost, which is its turn.
LOOKAHEAD = 10  # how many of the transactions that are left are compared
TURN = 1.0  # how much it counts how many transactions a transaction would overtake
RISE = 0.0  # how much it counts by how much it would raise the makespan
START = 0.0  # how much it counts in which tick it would start
END = 0.0  # how much it counts in which tick it would end


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
    return order


# EVOLVE-BLOCK-END
