"""Many orders, drawn around the simple ones; the best is kept, and the next are drawn around it.

Buffers: the sum of log size, life and start with weights of its own for each try, and noise. Tensors: benefit and size
with such weights, a share of them left out, inputs fetched from one to four instructions ahead; each plan is timed as
the statement says. Source: iterated greedy (Ruiz & Stützle 2007, EJOR 177), without its destruction phase.
"""

import random

import numpy as np

WORK = 1_200_000
MOST_TRIES = 300
PLANS = 14


def fit(order, neighbours, size, room, best=False):
    """Give each thing in turn the lowest (or the smallest) gap between its neighbours; -1 where there is none."""
    offset = [-1] * len(size)
    for k in order:
        taken = sorted((offset[p], offset[p] + size[p]) for p in neighbours[k] if offset[p] >= 0)
        at, found = 0, None
        for a, b in [*taken, (room, room)]:
            if a - at >= size[k] and (found is None or (best and a - at < found[0])):
                found = (a - at, at)
                if not best:
                    break
            if b > at:
                at = b
        if found is not None:
            offset[k] = found[1]
    return offset


def meeting(start, end):
    """Of each thing, those that are there at the same time."""
    start, end = np.array(start), np.array(end)
    return [np.flatnonzero((start < end[k]) & (start[k] < end)).tolist() for k in range(len(start))]


def allocate(lower, upper, size):
    rng = random.Random(0)
    neighbours, sizes = meeting(lower, upper), size.tolist()
    columns = [np.log(size), np.log(upper - lower), -lower / max(1, int(upper.max()))]
    spread = [float(column.std()) or 1.0 for column in columns]
    columns = [column / s for column, s in zip(columns, spread, strict=True)]
    noise = np.random.default_rng(0)
    simple = [(1.0, 0.0, 0.0), (0.01, 0.0, 1.0), (0.5, 0.5, 0.0), (1.0, 0.0, 0.3), (0.7, 0.3, 0.7)]
    best, found, keys = None, None, None
    for number in range(max(8, min(MOST_TRIES, WORK // sum(map(len, neighbours))))):
        if number < len(simple):
            key = sum(w * column for w, column in zip(simple[number], columns, strict=True))
        else:
            key = keys + noise.normal(0.0, rng.choice((0.03, 0.1, 0.3)), len(keys))
        order = np.argsort(-key, kind="stable").tolist()
        offset = fit(order, neighbours, sizes, 1 << 50, rng.random() < 0.3)
        peak = max(o + s for o, s in zip(offset, sizes, strict=True))
        if best is None or peak <= best:
            best, found, keys = peak, offset, key
    return found


def facts(program):
    """Of each tensor the instruction that writes it (-1: an input) and all that use it; of each instruction both."""
    ptr, used, kind = program.use_ptr.tolist(), program.use_tensor.tolist(), program.use_kind.tolist()
    at, made = [[] for _ in program.bytes], [-1] * len(program.bytes)
    reads, writes = [], []
    for i in range(len(program.compute)):
        here = range(ptr[i], ptr[i + 1])
        reads.append([used[u] for u in here if not kind[u]])
        writes.append([used[u] for u in here if kind[u]])
        for u in here:
            at[used[u]].append(i)
            if kind[u]:
                made[used[u]] = i
    return at, made, reads, writes


def timed(program, size, compute, outputs, at, reads, writes, stays):
    """How long a plan takes, with one stay a tensor."""
    main_rate, fast_rate = program.main_rate, program.fast_rate
    first = {stay[0]: stay[1] for stay in stays}
    fetches, ends = [[] for _ in compute], [[] for _ in compute]
    for tensor, _, end, _, fetch_at in stays:
        if fetch_at >= 0:
            fetches[fetch_at].append(tensor)
        elif outputs[tensor]:
            ends[end].append(tensor)
    ready, queued, moved, now = {}, 0, 0, 0
    for i, ticks in enumerate(compute):
        for tensor in fetches[i]:
            queued += size[tensor] // main_rate
            ready[tensor] = queued
        main = near = 0
        for tensor in reads[i]:
            if first.get(tensor, i + 1) <= i:
                near += size[tensor]
                if ready.get(tensor, 0) > moved:
                    now += ready[tensor] - moved
                    moved = ready[tensor]
            else:
                main += size[tensor]
        for tensor in writes[i]:
            if tensor in first:
                near += size[tensor]
            else:
                main += size[tensor]
        took = max(ticks, main // main_rate, -(-near // fast_rate))
        now, moved = now + took, min(queued, moved + took - main // main_rate)
        queued += sum(size[tensor] // main_rate for tensor in ends[i])
    return now + queued - moved


def plan(program, fast_bytes):
    rng = random.Random(0)
    at, made, reads, writes = facts(program)
    size, compute, outputs = program.bytes.tolist(), program.compute.tolist(), program.is_output.tolist()
    moved = [sum(size[t] for t in (*r, *w)) // program.main_rate for r, w in zip(reads, writes, strict=True)]
    saves = [
        sum(min(size[t] // program.main_rate, max(0, moved[i] - compute[i])) for i in at[t]) for t in range(len(at))
    ]
    known = []
    for ahead in (1, 2, 4):
        start = [m if m >= 0 else max(0, (uses or [0])[0] - ahead) for m, uses in zip(made, at, strict=True)]
        end = [(uses or [0])[-1] + 1 for uses in at]
        may = [t for t, m in enumerate(made) if m >= 0 or (at[t] and at[t][0] > 0)]
        known.append((start, end, may, meeting(start, end)))
    best, found, weights = None, [], (1.0, 1.0, 0, 0.0)
    for number in range(max(4, min(PLANS, 20_000_000 // len(at) ** 2))):
        life, bytes_, ahead, noise = weights
        if number:
            life, bytes_ = life + rng.gauss(0, 0.3), bytes_ + rng.gauss(0, 0.3)
            ahead, noise = rng.randrange(len(known)), rng.choice((0.0, 0.1, 0.3))
        start, end, may, neighbours = known[ahead]

        def rank(t, start=start, end=end, life=life, bytes_=bytes_, noise=noise):
            return saves[t] / ((end[t] - start[t]) ** life * size[t] ** bytes_) * (1 + noise * rng.random())

        key = {t: rank(t) for t in may if saves[t]}
        offset = fit(sorted(key, key=key.get, reverse=True), neighbours, size, fast_bytes, True)
        stays = [
            (t, made[t] if made[t] >= 0 else at[t][0], end[t] - 1, offset[t], -1 if made[t] >= 0 else start[t])
            for t in may
            if offset[t] >= 0
        ]
        ticks = timed(program, size, compute, outputs, at, reads, writes, stays)
        if best is None or ticks < best:
            best, found, weights = ticks, stays, (life, bytes_, ahead, noise)
    return found
