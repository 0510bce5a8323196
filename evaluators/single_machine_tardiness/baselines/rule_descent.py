"""The best order of four rules, then each job to wherever it costs least, until no single job wants to move.

The rules: EDD, WSPT, WMDD, ATC. Source: descent in the insertion neighbourhood, e.g. Potts & Van Wassenhove 1991
(Single machine tardiness sequencing heuristics).
"""

import numpy as np

LOOK_AHEAD = 2.0
MOST_PASSES = 20


def cost(p, d, w, start):
    return int((w * np.maximum(0, start + np.cumsum(p) - d)).sum())


def dispatched(p, d, w, start, rank):
    """Order the jobs by a rank that changes with time, the lowest first. rank: (now) -> (n,) float64."""
    order, now, done = [], start, np.zeros(len(p), dtype=bool)
    for _ in range(len(p)):
        ranks = rank(now).astype(np.float64)
        ranks[done] = np.inf
        job = int(ranks.argmin())
        done[job] = True
        order.append(job)
        now += p[job]
    return np.array(order)


def by_rules(p, d, w, start):
    scale = LOOK_AHEAD * p.mean()
    return [
        np.argsort(d, kind="stable"),
        np.argsort(p / w, kind="stable"),
        dispatched(p, d, w, start, lambda now: np.maximum(p, d - now) / w),
        dispatched(p, d, w, start, lambda now: np.maximum(0, d - p - now) / scale - np.log(w / p)),
    ]


def best_place(p, d, w, place, start):
    """The place where the job at `place` costs least, and what moving it there saves; jobs in their order."""
    end = start + np.cumsum(p)
    now = w * np.maximum(0, end - d)
    mine = p[place]
    # What each other job would save if this one went past it, and what this one would then cost.
    change = now - w * np.maximum(0, end + np.where(np.arange(len(p)) < place, mine, -mine) - d)
    after, before = np.cumsum(change[place + 1 :]), np.cumsum(change[:place][::-1])[::-1]
    passed = np.concatenate((before, [0], after))
    there = np.concatenate(((end - p)[:place] + mine, end[place:]))
    saved = passed + now[place] - w[place] * np.maximum(0, there - d[place])
    best = int(saved.argmax())
    return best, int(saved[best])


def descended(p, d, w, order, start):
    for _ in range(MOST_PASSES):
        still = True
        for job in order.tolist():
            place = int(np.flatnonzero(order == job)[0])
            target, saved = best_place(p[order], d[order], w[order], place, start)
            if saved > 0:
                order = np.insert(np.delete(order, place), target, job)
                still = False
        if still:
            break
    return order


def searched(p, d, w, start):
    order = min(by_rules(p, d, w, start), key=lambda o: cost(p[o], d[o], w[o], start))
    return descended(p, d, w, order, start)


def sequence(processing, due, weight):
    return searched(processing, due, weight, 0)


class Policy:
    def __init__(self, info):
        pass

    def pick(self, obs):
        return int(searched(obs.processing, obs.due, obs.weight, obs.now)[0])
