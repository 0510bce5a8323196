"""SMF with k = n: next the one of all that are left that raises the makespan least; of equals, the first by number.

Source: Cheng 2024 (Towards Optimal Transaction Scheduling, VLDB), section 4, without sampling; it starts with
transaction 0. numpy evaluates all that are left at once: one row per transaction, one column per operation.
"""

import numpy as np

NEVER = -(10**6)


def schedule(transactions):
    n = len(transactions)
    width = max([len(t.ops) for t in transactions] + [1])
    numbers = {}
    key = np.zeros((n, width), dtype=np.int64)
    is_write = np.zeros((n, width), dtype=bool)
    after = np.full((n, width), NEVER)
    for i, t in enumerate(transactions):
        for j, (kind, name, position) in enumerate(t.ops):
            key[i, j] = numbers.setdefault(name, len(numbers))
            is_write[i, j] = kind == "w"
            after[i, j] = 2 - position
    length = np.array([t.length for t in transactions])
    last_write = np.zeros(len(numbers) + 1, dtype=np.int64)
    last_access = np.zeros(len(numbers) + 1, dtype=np.int64)

    rest = np.arange(n)
    order, longest = [], 0
    while rest.size:
        touched = key[rest]
        before = np.where(is_write[rest], last_access[touched], last_write[touched])
        starts = np.maximum((before + after[rest]).max(axis=1), 1)
        makespans = np.maximum(starts + length[rest] - 1, longest)
        pick = int(makespans.argmin()) if order else 0
        chosen, start, longest = int(rest[pick]), int(starts[pick]), int(makespans[pick])
        for kind, name, position in transactions[chosen].ops:
            number, tick = numbers[name], start + position - 1
            last_access[number] = max(last_access[number], tick)
            if kind == "w":
                last_write[number] = max(last_write[number], tick)
        order.append(chosen)
        rest = np.delete(rest, pick)
    return order
