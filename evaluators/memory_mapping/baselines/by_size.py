"""The largest first, each at the lowest address that is free for its whole life; nothing in fast memory.

Source: the rule greedy-by-size of Pisarchyk & Lee 2020 (Efficient memory management for deep neural net inference).
"""


def fit(order, start, end, size, room, best=False):
    """Give each thing in turn the lowest (or the smallest) gap that it fits into; -1 where there is none."""
    begin, finish, low, high, offset = [], [], [], [], [-1] * len(size)
    for k in order:
        taken = sorted((low[p], high[p]) for p in range(len(low)) if begin[p] < end[k] and start[k] < finish[p])
        at, found = 0, None
        for a, b in [*taken, (room, room)]:
            if a - at >= size[k] and (found is None or (best and a - at < found[0])):
                found = (a - at, at)
                if not best:
                    break
            at = max(at, b)
        if found is not None:
            offset[k] = found[1]
            begin.append(start[k])
            finish.append(end[k])
            low.append(found[1])
            high.append(found[1] + size[k])
    return offset


def allocate(lower, upper, size):
    lower, upper, size = lower.tolist(), upper.tolist(), size.tolist()
    order = sorted(range(len(size)), key=lambda k: -size[k])
    return fit(order, lower, upper, size, 1 << 50)


def plan(program, fast_bytes):
    return []
