"""First come, first served: buffers in the order of their starts, of equal ones the larger first.

In fast memory: every tensor that an instruction writes, for its whole life, if there is room when it is written; inputs
are fetched two instructions ahead. Source: the rule of an allocator at run time, which knows no future.
"""

AHEAD = 2


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


def lives(program):
    """Of every tensor that may be in fast memory: (tensor, start, first, last, fetch_at, uses, bytes)."""
    ptr, used, kind = program.use_ptr.tolist(), program.use_tensor.tolist(), program.use_kind.tolist()
    at = [[] for _ in program.bytes]
    made = [-1] * len(program.bytes)
    for i in range(len(program.compute)):
        for u in range(ptr[i], ptr[i + 1]):
            at[used[u]].append(i)
            if kind[u]:
                made[used[u]] = i
    found = []
    for tensor, size in enumerate(program.bytes.tolist()):
        if made[tensor] >= 0:
            found.append((tensor, made[tensor], made[tensor], at[tensor][-1], -1, len(at[tensor]), size))
        elif at[tensor] and at[tensor][0] > 0:
            fetch_at = max(0, at[tensor][0] - AHEAD)
            found.append((tensor, fetch_at, at[tensor][0], at[tensor][-1], fetch_at, len(at[tensor]), size))
    return found


def placed(found, order, room, best=False):
    """Put whole lives into fast memory in this order, each where it fits; leave out the rest."""
    start, end, size = [life[1] for life in found], [life[3] + 1 for life in found], [life[6] for life in found]
    offset = fit(order, start, end, size, room, best)
    return [(t, first, last, offset[k], f) for k, (t, _, first, last, f, _, _) in enumerate(found) if offset[k] >= 0]


def allocate(lower, upper, size):
    lower, upper, size = lower.tolist(), upper.tolist(), size.tolist()
    order = sorted(range(len(size)), key=lambda k: (lower[k], -size[k]))
    return fit(order, lower, upper, size, 1 << 50)


def plan(program, fast_bytes):
    found = lives(program)
    return placed(found, sorted(range(len(found)), key=lambda k: found[k][1]), fast_bytes)
