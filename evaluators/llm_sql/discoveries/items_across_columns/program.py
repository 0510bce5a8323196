"""The order of the rows of a table, and of the cells in each row."""

import numpy as np

# EVOLVE-BLOCK-START
# A trie over items; an item is a text with the number of times the row had it before, whichever column it is in.
ROUNDS = 4
KAPPA = 0.5  # how much of a row's best rate of characters per bit a bit of entropy costs
WEIGH = 2.0
AGREE = 0.75  # a group is made when so many of the rows that could join like it best
PREFIX = 32
END = 1 << 20


def count(key):
    """Number of each distinct key, and how often it occurs."""
    by = np.argsort(key)
    s = key[by]
    new = np.ones(len(s), dtype=bool)
    np.not_equal(s[1:], s[:-1], out=new[1:])
    number = np.empty(len(s), dtype=np.int64)
    number[by] = np.cumsum(new) - 1
    return number, np.diff(np.flatnonzero(np.append(new, True))), s[new]


def find_links(ids, A, alive):
    """(a, b, share that b saves, bits that b costs) where rows that agree in a agree in b, beyond chance."""
    n, m = ids.shape
    chance = (ids == np.roll(ids, n // 3 + 1, axis=0)).mean(axis=0)
    D = np.zeros((m, m), dtype=bool)
    for a in np.flatnonzero(chance < 0.4):
        by = np.argsort(ids[:, a])
        t = ids[by, a]
        pairs = np.flatnonzero(t[1:] == t[:-1])
        if len(pairs) > 4:
            pairs = pairs[:: len(pairs) // 1500 + 1]
            same = (ids[by[pairs]] == ids[by[pairs + 1]]).mean(axis=0)
            D[a] = same - chance > 0.8 * np.maximum(1e-9, 1.0 - chance)
    links = []
    K = int(A.max()) + 1
    total = np.bincount(A[alive], minlength=K)
    for a in range(m):
        for b in range(a + 1, m):
            if D[a, b] or D[b, a]:
                number, often, _ = count(A[:, a] * K + A[:, b])
                c = often[number]
                for x, y in ((a, b), (b, a)):
                    if D[x, y]:
                        links.append((x, y, 1.0 - 1.0 / c, np.log2(np.maximum(total[A[:, x]] / c, 1.0))))
    return links


def choose(r, gi, eff, extra, group_of, nrows):
    """The item by which each row is grouped, -1 for none: greedily, all groups of all nodes at once."""
    size = len(group_of)
    groups = int(group_of.max()) + 1
    chosen = np.full(nrows, -1)
    isopen = np.zeros(size, dtype=bool)
    turn = 0
    while True:
        cn = np.bincount(gi, minlength=size)
        ke = ((cn > 1) | isopen)[gi]
        r, gi, eff, extra = r[ke], gi[ke], eff[ke], extra[ke]
        if not len(r):
            return chosen
        new = np.ones(len(r), dtype=bool)
        np.not_equal(r[1:], r[:-1], out=new[1:])
        start = np.flatnonzero(new)
        row = np.cumsum(new) - 1
        here = r[start]
        N = np.maximum(np.bincount(group_of[gi[start]], minlength=groups), 1.0)[group_of]
        c = np.clip(cn, 1, N)
        rest = np.maximum(N - c, 1.0)
        bits = np.log2(N / c) + rest / c * np.log2(N / rest) * (N > c) + 0.05 / c
        saved = eff * (1.0 - ~isopen / c)[gi]
        bits = bits[gi] + WEIGH * extra
        score = saved - KAPPA * np.maximum.reduceat(saved / bits, start)[row] * bits + 1e-9 * gi
        top = np.flatnonzero(score == np.maximum.reduceat(score, start)[row])
        pick = np.empty(len(start), dtype=np.int64)
        pick[row[top]] = gi[top]
        votes = np.bincount(pick, minlength=size)
        good = votes > 1 if turn >= ROUNDS else (votes > 1) & (votes >= AGREE * cn)
        ok = (good | isopen)[pick]
        if not ok.any():
            if turn >= ROUNDS:
                return chosen
            turn = ROUNDS
            continue
        turn += 1
        chosen[here[ok]] = pick[ok]
        isopen[pick[ok]] = True
        ke = ~ok[row]
        r, gi, eff, extra = r[ke], gi[ke], eff[ke], extra[ke]


def nest(chosen, r, u, gi, length, size):
    """Groups of one node that have another text in common in all their rows: that text first, for all of them."""
    number, pc, pair = count(chosen[r] * size + gi)
    v, w = pair // size, pair % size
    votes = np.bincount(chosen[chosen >= 0], minlength=size)
    inside = (pc >= 0.9 * votes[v]) & (votes[v] > 1)
    v, w, pc = v[inside], w[inside], pc[inside]
    over = np.bincount(w, minlength=size)[w]
    text = np.zeros(size)
    text[gi] = length
    worth = text[w] * (1.0 - 1.0 / over) - (votes[v] > pc) * text[v]
    gain = (over > 1) & (worth > 0)
    v, w, worth = v[gain], w[gain], worth[gain]
    above = np.arange(size)
    by = np.argsort(worth)
    above[v[by]] = w[by]
    want = above[chosen[r]]
    moved = want == gi
    chosen[r[moved]] = want[moved]


def build(A, length, alive, links):
    """Returns the step at which each cell is emitted, the node of each row, and (node, row, unit) of its groups' first texts."""
    n, m = A.shape
    K = int(A.max()) + 1
    step = np.full((n, m), END)
    leaf = np.zeros(n, dtype=np.int64)
    heads = [np.zeros((3, 0), dtype=np.int64)]
    nodes = 0
    act = np.arange(n)  # rows that are still together with others; g: their group
    g = np.zeros(n, dtype=np.int64)
    r, u = np.nonzero(alive)
    item = A[r, u]
    level = 0
    while len(r):
        leaf[act] = nodes + g
        base = nodes
        nodes += int(g.max()) + 1
        gi, cnt, _ = count(g[r] * K + item)
        c = cnt[gi]
        whole = c == np.bincount(g)[g[r]]
        step[act[r[whole]], u[whole]] = level
        k = (c > 1) & ~whole
        r, u, item, gi = r[k], u[k], item[k], gi[k]
        if not len(r):
            break
        # What is still to be shared in each row, with what hangs on it.
        left = np.zeros((len(act), m))
        long = length[act[r], u]
        left[r, u] = long
        with_it = left.copy()
        extra = np.zeros(left.shape)
        for a, b, sure, lost in links:
            mass = left[:, b] * sure[act]
            with_it[:, a] += mass
            extra[:, a] += mass * lost[act]
        eff = with_it[r, u]
        group_of = np.zeros(len(cnt), dtype=np.int64)
        group_of[gi] = g[r]
        chosen = choose(r, gi, eff, extra[r, u] / eff, group_of, len(act))
        go = chosen[r] >= 0
        nest(chosen, r[go], u[go], gi[go], long[go], len(cnt))
        go = (np.bincount(chosen + 1, minlength=len(cnt) + 1)[1:][chosen] > 1) & (chosen >= 0)
        k = go[r]
        r, u, item, gi = r[k], u[k], item[k], gi[k]
        now = gi == chosen[r]
        step[act[r[now]], u[now]] = level + 1
        number, _, _ = count(chosen[go])
        one = np.empty(int(number.max()) + 1 if len(number) else 0, dtype=np.int64)
        one[number] = np.arange(len(number))
        heads.append(np.stack([base + g[go][one], act[go][one], u[now][one]]))
        local = np.cumsum(go) - 1
        act, g = act[go], number
        leaf[act] = nodes + g
        r, u, item = local[r[~now]], u[~now], item[~now]
        level += 2
    return step, leaf, np.concatenate(heads, axis=1)


def finish(ids, names, step, leaf, heads):
    """First of what no other row shares: the cell that begins like others of the same node."""
    n, m = ids.shape
    free = step == END
    node, often, seen = count(leaf)
    spot = np.minimum(np.searchsorted(seen, heads[0]), len(seen) - 1)
    held = seen[spot] == heads[0]
    head_node, head_text = spot[held], ids[heads[1][held], heads[2][held]]
    rank = np.empty(len(names), dtype=np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    start = np.array([name[:PREFIX] for name in names], dtype="U%d" % PREFIX).view(np.uint32).reshape(-1, PREFIX)
    gain = np.zeros((len(seen), m))
    for k in range(m):
        who = np.flatnonzero(free[:, k])
        at = np.concatenate([node[who], head_node])
        text = np.concatenate([ids[who, k], head_text])
        by = np.argsort(at * len(names) + rank[text])
        at, text = at[by], text[by]
        p = np.flatnonzero(at[1:] == at[:-1])
        if len(p):
            a, b = start[text[p]], start[text[p + 1]]
            alike = (a == b) & (a != 0)
            lcp = np.where(alike.all(axis=1), PREFIX, np.argmin(alike, axis=1))
            gain[:, k] = np.bincount(at[p], weights=lcp, minlength=len(gain))
    last = np.argmax(gain, axis=1)[node]
    here = np.arange(n)
    some = free[here, last]
    step[here[some], last[some]] = END - 1
    return free


def reorder(columns, rows, merges):
    place = {name: number for number, name in enumerate(columns)}
    n = len(rows)
    cells = list(zip(*rows))
    units = []
    for names in merges:
        unit = [place[name] for name in names]
        whole = len(set(zip(*[cells[j] for j in unit])))
        unit.sort(key=lambda j: sum(map(len, cells[j])) * (len(set(cells[j])) - whole))
        units.append(unit)
    merged = {j for unit in units for j in unit}
    units += [[j] for j in range(len(columns)) if j not in merged]
    m = len(units)
    texts = [cells[unit[0]] if len(unit) == 1 else list(map("".join, zip(*[cells[j] for j in unit]))) for unit in units]
    known = {}
    for column in texts:
        known.update(dict.fromkeys(column))
    names = list(known)
    known = dict(zip(names, range(len(names))))
    ids = np.array([list(map(known.__getitem__, column)) for column in texts]).T.copy()
    length = np.array(list(map(len, names)))[ids]
    # The same text a second time in a row is another item.
    by = np.argsort(ids, axis=1, kind="stable")
    t = np.take_along_axis(ids, by, axis=1)
    occ = np.zeros((n, m), dtype=np.int64)
    for k in range(1, m):
        occ[:, k] = (occ[:, k - 1] + 1) * (t[:, k] == t[:, k - 1])
    A = np.empty_like(ids)
    np.put_along_axis(A, by, t * (int(occ.max()) + 1) + occ, axis=1)
    often = np.bincount(A.ravel())
    alive = (often[A] > 1) & (length > 0)
    A = np.cumsum(often > 1)[A]
    step, leaf, heads = build(A, length, alive, find_links(ids, A, alive))
    free = finish(ids, names, step, leaf, heads)
    where = np.argsort(step * (int(A.max()) + 1) + A * ~free, axis=1, kind="stable")
    wide = np.full((m, max(map(len, units))), -1)
    for k, unit in enumerate(units):
        wide[k, : len(unit)] = unit
    flat = wide[where].reshape(n, -1)
    return np.arange(n), flat[flat >= 0].reshape(n, len(columns))


# EVOLVE-BLOCK-END
