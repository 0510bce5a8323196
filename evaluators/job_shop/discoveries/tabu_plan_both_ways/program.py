"""A policy that is asked which waiting operation a free machine does next."""

# EVOLVE-BLOCK-START
# All of a job shop is known beforehand, so the whole schedule is planned before the first answer: the best of some
# rules, then legs of tabu search over critical blocks (moves of an operation to an end of its block, heads and tails
# kept in a topological order); later legs start between two of the best plans, at a weighted mean of the places of
# their operations. The answers follow the plan. Where jobs are not known or machines break: a rule.
import random

BUDGET = 12_000_000  # of plan steps, less than 0.1 microseconds each


def dispatch_plan(jobs, m, key):
    """Simulate a rule without delay; return the order of operations by start and the makespan."""
    n = len(jobs)
    step = [0] * n
    ready = [0] * n
    left = [sum(o[1] for o in j) for j in jobs]
    free = [0] * m
    order = []
    total = sum(len(j) for j in jobs)
    while len(order) < total:
        now = None
        for j in range(n):
            if step[j] < len(jobs[j]):
                t = max(ready[j], free[jobs[j][step[j]][0]])
                if now is None or t < now:
                    now = t
        best = None
        for j in range(n):
            if step[j] < len(jobs[j]):
                mach, p = jobs[j][step[j]]
                if ready[j] <= now and free[mach] <= now:
                    k = (key(p, left[j], len(jobs[j]) - step[j], now - ready[j]), j)
                    if best is None or k < best:
                        best = k
        j = best[1]
        mach, p = jobs[j][step[j]]
        order.append((j, step[j]))
        ready[j] = free[mach] = now + p
        left[j] -= p
        step[j] += 1
    return order, max(ready)


RULES = [
    lambda p, w, o, t: p / max(1, w),
    lambda p, w, o, t: (-o, p),
    lambda p, w, o, t: -w,
    lambda p, w, o, t: p - 0.2 * w,
    lambda p, w, o, t: p / max(1, w) ** 0.5,
    lambda p, w, o, t: -t,
]


class Search:
    def __init__(self, jobs, m, seed=1):
        self.jobs, self.m = jobs, m
        self.rng = random.Random(seed)
        width = max(len(j) for j in jobs) + 1
        self.width = width
        size = len(jobs) * width + 1  # a job's operations stand at job * width + 1 ..., between them empty places
        self.size = size
        self.p = [0] * size
        self.mach = [-1] * size
        for j, ops in enumerate(jobs):
            for k, (mach, dur) in enumerate(ops):
                self.p[j * width + 1 + k] = dur
                self.mach[j * width + 1 + k] = mach
        self.lasts = [j * width + len(ops) for j, ops in enumerate(jobs)]
        self.work = 0
        self.iterations = 0

    def load(self, order):
        """order: operations in topological order. Sets machine links, heads and tails."""
        size = self.size
        self.order = list(order)
        self.pos = [0] * size
        for k, i in enumerate(self.order):
            self.pos[i] = k
        self.mp = [0] * size
        self.ms = [0] * size
        last = [0] * self.m
        for i in self.order:
            mach = self.mach[i]
            if last[mach]:
                self.mp[i] = last[mach]
                self.ms[last[mach]] = i
            last[mach] = i
        self.e = [0] * size
        self.q = [0] * size
        self.heads(0)
        self.tails(len(self.order))

    def heads(self, a):
        e, mp, p = self.e, self.mp, self.p
        for i in self.order[a:]:
            x = e[i - 1]
            y = e[mp[i]]
            e[i] = (x if x > y else y) + p[i]

    def tails(self, b):
        q, ms, p = self.q, self.ms, self.p
        for i in reversed(self.order[:b]):
            x = q[i + 1]
            y = q[ms[i]]
            q[i] = (x if x > y else y) + p[i]

    def leg(self, budget, floor, patience):
        """Tabu search from what is loaded; the best makespan and order, once nothing has come for a while."""
        rand = self.rng.random
        e, q, p, mp, ms, mach, pos, order = self.e, self.q, self.p, self.mp, self.ms, self.mach, self.pos, self.order
        size = self.size
        total = len(order)
        lasts = self.lasts
        best = max(e)
        best_order = order[:]
        tabu = {}
        banned_until = tabu.get
        base = 10 + len(self.jobs) // self.m
        spread = max(2, base // 2)
        it = stale = 0
        work = self.work
        now = best
        while work < budget and best > floor and stale < patience:
            it += 1
            stale += 1
            # a critical path, last operation first, cut into blocks on one machine
            ends = [i for i in lasts if e[i] == now]
            i = ends[int(rand() * len(ends))]
            blocks = []
            block = [i]
            here = mach[i]
            while True:
                start = e[i] - p[i]
                if not start:
                    break
                x = mp[i]
                if e[x] == start and x and (e[i - 1] != start or rand() < 0.5):
                    i = x
                else:
                    i -= 1
                if mach[i] == here:
                    block.append(i)
                else:
                    block.reverse()
                    blocks.append(block)
                    block = [i]
                    here = mach[i]
            block.reverse()
            blocks.append(block)
            # all moves of an operation to an end of its block, or of an end into it
            pick = None
            cut = 1 << 60
            count = 0
            n = len(blocks) - 1
            for number, block in enumerate(blocks):
                k = len(block) - 1
                if not k:
                    continue
                moves = []
                if number:  # something comes after the block
                    limit = q[block[k]]
                    for x in range(k - 1, -1, -1):
                        if q[block[x] + 1] <= limit:
                            moves.append((x, k, True))
                if number < n:
                    limit = e[block[0]]
                    for x in range(2 if k == 1 and number else 1, k + 1):
                        if e[block[x] - 1] <= limit:
                            moves.append((0, x, False))
                for move in moves:
                    x, y, forward = move
                    if y - x == 1:  # the short way for neighbours
                        count += 6
                        u, v = block[x], block[y]
                        until = banned_until(v * size + u, 0)
                        done = e[mp[u]]
                        x1 = e[v - 1]
                        start = x1 if x1 > done else done
                        done = start + p[v]
                        x1 = e[u - 1]
                        if x1 > done:
                            done = x1
                        tail = q[ms[v]]
                        x1 = q[u + 1]
                        tail = (x1 if x1 > tail else tail) + p[u]
                        worst = done + tail
                        x1 = q[v + 1]
                        x1 = start + p[v] + (x1 if x1 > tail else tail)
                        if x1 > worst:
                            worst = x1
                        if worst > cut or (until > it and worst >= best):
                            continue
                        if worst < cut or rand() < 0.5:
                            cut = worst
                            pick = (block, x, y, True, [v, u])
                        continue
                    count += 7 + 3 * (y - x)
                    if forward:
                        u = block[x]
                        seq = block[x + 1 : y + 1]
                        until = max([banned_until(i * size + u, 0) for i in seq])
                        seq.append(u)
                    else:
                        u = block[y]
                        seq = block[x:y]
                        u_key = u * size
                        until = max([banned_until(u_key + i, 0) for i in seq])
                        seq.insert(0, u)
                    done = e[mp[block[x]]]
                    rest = []
                    for i in seq:
                        x1 = e[i - 1]
                        if x1 > done:
                            done = x1
                        done += p[i]
                        rest.append(done)
                    tail = q[ms[block[y]]]
                    worst = 0
                    for i in reversed(seq):
                        x1 = q[i + 1]
                        if x1 > tail:
                            tail = x1
                        x1 = rest.pop() + tail
                        if x1 > worst:
                            if x1 > cut:
                                worst = x1
                                break
                            worst = x1
                        tail += p[i]
                    if worst > cut or (until > it and worst >= best):
                        continue
                    if worst < cut or rand() < 0.5:
                        cut = worst
                        pick = (block, x, y, forward, seq)
            if pick is None:  # all are tabu: any
                choice = [(block, x) for block in blocks for x in range(len(block) - 1)]
                if not choice:
                    break
                block, x = choice[int(rand() * len(choice))]
                pick = (block, x, x + 1, True, [block[x + 1], block[x]])
            block, a, b, forward, seq = pick
            until = it + base + int(rand() * spread)
            first, last = block[a], block[b]
            if forward:
                for i in seq:
                    tabu[first * size + i] = until
            else:
                for i in seq:
                    tabu[i * size + last] = until
            # carry it out
            prev, after = mp[first], ms[last]
            for i in seq:
                mp[i] = prev
                if prev:
                    ms[prev] = i
                prev = i
            ms[prev] = after
            if after:
                mp[after] = prev
            lo, hi = pos[first], pos[last]
            if forward:
                seen = {first}
                early, late = [], [first]
                for i in order[lo + 1 : hi + 1]:
                    if i - 1 in seen or mp[i] in seen:
                        seen.add(i)
                        late.append(i)
                    else:
                        early.append(i)
                early += late
            else:
                seen = {last}
                early, late = [last], []
                for i in order[hi - 1 : lo - 1 if lo else None : -1]:
                    if i + 1 in seen or ms[i] in seen:
                        seen.add(i)
                        early.append(i)
                    else:
                        late.append(i)
                late += early
                late.reverse()
                early = late
            order[lo : hi + 1] = early
            k = lo
            for i in early:
                pos[i] = k
                k += 1
            for i in order[lo:]:
                x = e[i - 1]
                y = e[mp[i]]
                e[i] = x + p[i] if x > y else y + p[i]
            for i in order[hi::-1]:
                x = q[i + 1]
                y = q[ms[i]]
                q[i] = x + p[i] if x > y else y + p[i]
            now = max([e[i] for i in lasts])
            work += total + total // 2 - lo + hi + 3 * (hi - lo) + 50 + count
            if now < best:
                best = now
                best_order = order[:]
                stale = 0
        self.work = work
        self.iterations += it
        return best, best_order

    def mix(self, one, other, share):
        """An order between two: by the weighted place of each operation. Jobs keep their order."""
        place = dict(zip(one, range(len(one))))
        for k, i in enumerate(other):
            place[i] += (k - place[i]) * share
        return sorted(one, key=place.get)




def make_plan(jobs, m):
    back = [job[::-1] for job in jobs]
    starts = []
    for rule in RULES:
        order, span = dispatch_plan(jobs, m, rule)
        starts.append((span, len(starts), order))
        order, span = dispatch_plan(back, m, rule)  # the shop run backwards: what ends last is planned first
        order = [(j, len(jobs[j]) - 1 - k) for j, k in reversed(order)]
        starts.append((span, len(starts), order))
    starts.sort()
    search = Search(jobs, m)
    width = search.width
    load = [0] * m
    for ops in jobs:
        for mach, p in ops:
            load[mach] += p
    floor = max(max(load), max(sum(o[1] for o in ops) for ops in jobs))
    total = sum(len(ops) for ops in jobs)
    patience = max(800, 3 * total)
    parents = 4 if total <= 250 else 2  # a large shop has time for few legs
    pool = []
    legs = 0
    while search.work < BUDGET:
        if legs < parents:
            order = [j * width + 1 + k for j, k in starts[legs][2]]
        else:
            one, other = search.rng.sample(pool, 2)
            order = search.mix(one[2], other[2], 0.3 + 0.4 * search.rng.random())
        legs += 1
        search.load(order)
        search.work += 6 * len(order)
        span, order = search.leg(BUDGET, floor, patience)
        if len(pool) < parents:
            pool.append((span, legs, order))
        elif span not in [one[0] for one in pool]:
            pool.append((span, legs, order))
            pool.sort()
            pool.pop()
        if span <= floor:
            break
    search.legs = legs
    best, _, order = min(pool)
    plan = [[] for _ in range(m)]
    for i in order:
        plan[search.mach[i]].append(((i - 1) // width, (i - 1) % width))
    return plan, best, search


class Policy:
    def __init__(self, info):
        self.plan = None
        if info.kind == "jsp" and all(len(op) == 1 for job in info.jobs for op in job.ops):
            number = [job.job for job in info.jobs]
            jobs = [[tuple(op[0]) for op in job.ops] for job in info.jobs]
            plan = make_plan(jobs, info.machines)[0]
            self.plan = [[(number[j], k) for j, k in one] for one in plan]
            self.next = [0] * info.machines

    def dispatch(self, obs):
        if self.plan is not None:
            for k in range(len(obs.job)):
                mach = obs.machine[k]
                at = self.next[mach]
                if at < len(self.plan[mach]) and self.plan[mach][at] == (obs.job[k], obs.op[k]):
                    self.next[mach] = at + 1
                    return k
            return -1
        best, best_rank = 0, None
        for k in range(len(obs.job)):
            left = max(1.0, obs.work_left[k])
            if obs.due[k] >= 0:
                slack = max(0.0, obs.due[k] - obs.now - left)
                its_rank = -obs.weight[k] / obs.duration[k] * 2.718 ** (-slack / (2.0 * left + 50.0))
            else:
                its_rank = obs.duration[k] / left
            its_rank = (its_rank, obs.job[k], obs.duration[k])
            if best_rank is None or its_rank < best_rank:
                best, best_rank = k, its_rank
        return best


# EVOLVE-BLOCK-END
