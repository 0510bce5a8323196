"""Addresses for buffers, and which tensors are in fast memory: things are ranked, then fitted one after the other."""

import math
import random

# EVOLVE-BLOCK-START
# Now the largest is placed first, at the lowest free address, and nothing is in fast memory.
SIZE = 1.0  # how much the log of the bytes counts; the highest rank comes first
LIFE = 0.0  # how much the log of the time counts for which it is there
START = 0.0  # how much it counts to be there early; 0 to 1
USES = 0.0  # how much the log of the number of uses counts (of a buffer: nothing is known)
TIGHT = 0.0  # above 0.5: not the lowest gap is taken but the smallest that is large enough
FAST = 0.0  # how much of fast memory may be taken
TRIES = 1  # how many orders of buffers are tried; all but the first with noise in their ranks
NOISE = 0.1
AHEAD = 1  # how many instructions before its first use an input is fetched


def rank(size, life, start, uses):
    """What comes first gets the address that it likes."""
    return SIZE * math.log(size) + LIFE * math.log(life) - START * start + USES * math.log(uses)


def fit(order, start, end, size, room):
    """Give each thing in turn an address where nothing else is for its whole life; -1 where there is none."""
    placed, offset = [], [-1] * len(size)
    for k in order:
        taken = sorted((offset[p], offset[p] + size[p]) for p in placed if start[p] < end[k] and start[k] < end[p])
        at, gaps = 0, []
        for low, high in [*taken, (room, room)]:
            if low - at >= size[k]:
                gaps.append((low - at, at))
            at = max(at, high)
        if gaps:
            offset[k] = min(gaps)[1] if TIGHT > 0.5 else gaps[0][1]
            placed.append(k)
    return offset


def ranked(start, end, size, uses):
    last = max(end)
    return sorted(range(len(size)), key=lambda k: -rank(size[k], end[k] - start[k], start[k] / last, uses[k]))


def allocate(lower, upper, size):
    lower, upper, size = lower.tolist(), upper.tolist(), size.tolist()
    rng = random.Random(0)
    best, peak = [], 1 << 50
    for number in range(max(1, int(TRIES))):
        noise = [math.exp(rng.gauss(0.0, NOISE)) if number else 1.0 for _ in size]
        changed = [s * factor for s, factor in zip(size, noise, strict=True)]
        offset = fit(ranked(lower, upper, changed, [1] * len(size)), lower, upper, size, 1 << 50)
        top = max(at + s for at, s in zip(offset, size, strict=True))
        if top < peak:
            best, peak = offset, top
    return best


def plan(program, fast_bytes):
    """Whole lives: what is written to fast memory stays until its last use; inputs are fetched before their first."""
    if FAST <= 0:
        return []
    ptr, used, kind = program.use_ptr.tolist(), program.use_tensor.tolist(), program.use_kind.tolist()
    at, made = [[] for _ in program.bytes], [-1] * len(program.bytes)
    for i in range(len(program.compute)):
        for use in range(ptr[i], ptr[i + 1]):
            at[used[use]].append(i)
            if kind[use]:
                made[used[use]] = i
    chosen = [t for t in range(len(at)) if at[t] and (made[t] >= 0 or at[t][0] > 0)]
    fetch_at = [-1 if made[t] >= 0 else max(0, at[t][0] - max(1, int(AHEAD))) for t in chosen]
    start = [made[t] if made[t] >= 0 else f for t, f in zip(chosen, fetch_at, strict=True)]
    end = [at[t][-1] + 1 for t in chosen]
    size = [int(program.bytes[t]) for t in chosen]
    room = int(min(1.0, FAST) * fast_bytes)
    offset = fit(ranked(start, end, size, [len(at[t]) for t in chosen]), start, end, size, room)
    return [(t, at[t][0], end[k] - 1, offset[k], fetch_at[k]) for k, t in enumerate(chosen) if offset[k] >= 0]


# EVOLVE-BLOCK-END
