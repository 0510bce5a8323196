"""Iterated dynasearch: local search that makes many independent moves at once, then a few random swaps, and again.

A move swaps two jobs, or puts one elsewhere; the costs of all moves come from one table of running sums. Moves whose
places do not overlap add up, so a dynamic program finds the best set of them. It reads no clock and draws from a fixed
seed: the same answer on every machine. With more kicks it is what scores 100 where no optimum is known.

Source: Congram, Potts & van de Velde 2002 (An iterated dynasearch algorithm for the single-machine total weighted
tardiness scheduling problem), with insertions as well (Grosso, Della Croce & Tadei 2004).
"""

import random

import numpy as np

KICK_WORK = 40_000  # kicks times the square of the number of jobs
MOST_KICKS = 30
SWAPS = 6  # of a kick
REACH = 12  # places between the two jobs of such a swap, at most
PATIENCE = 25  # kicks without a better order, after which the search returns to the best one


def by_rule(p, d, w, start):
    """Weighted modified due date: smallest max(p, d - now) / w first."""
    order, now, rest = [], start, np.ones(len(p), dtype=bool)
    for _ in range(len(p)):
        rank = np.maximum(p, d - now) / w
        rank[~rest] = np.inf
        job = int(rank.argmin())
        order.append(job)
        rest[job] = False
        now += p[job]
    return np.array(order)


def cost(p, d, w, order, start):
    return int((w[order] * np.maximum(0, start + np.cumsum(p[order]) - d[order])).sum())


def gains(p, d, w, start):
    """What moves save, the jobs being numbered by their places.

    Returns three (n, n) arrays for places i < j: swap the two jobs; put the one at i behind j; the one at j before i.
    """
    n, most = len(p), int(p.max())
    end = start + np.cumsum(p)
    late = np.maximum(0, np.arange(-most, most + 1)[:, None] + (end - d)[None, :]) * w
    # sums[shift, j]: what the jobs before place j cost when they end `shift` later
    sums = np.zeros((2 * most + 1, n + 1), dtype=np.int64)
    np.cumsum(late, axis=1, out=sums[:, 1:])
    i, j = np.arange(n)[:, None], np.arange(n)[None, :]
    now = sums[most]
    before = now[1:][None, :] - now[:-1][:, None]  # of the places i..j
    shift = most + p[None, :] - p[:, None]
    first = w[None, :] * np.maximum(0, (end - p)[:, None] + p[None, :] - d[None, :])  # the job at j, put at i
    last = w[:, None] * np.maximum(0, end[None, :] - d[:, None])  # the job at i, put at j
    swap = before - first - last - (sums[shift, j] - sums[shift, np.minimum(i + 1, n)])
    earlier, later = most - p[:, None], most + p[None, :]
    behind = before - last - (sums[earlier, j + 1] - sums[earlier, i + 1])
    ahead = before - first - (sums[later, j] - sums[later, i])
    return swap, behind, ahead


def moved(order, kind, i, j):
    """Make a move on the places i..j of an order, in place."""
    part = order[i : j + 1].copy()
    if kind == 0:
        order[i], order[j] = part[-1], part[0]
    elif kind == 1:
        order[i:j], order[j] = part[1:], part[0]
    else:
        order[i + 1 : j + 1], order[i] = part[:-1], part[-1]


def step(p, d, w, order, start):
    """Make the best set of independent moves, in place. Returns what it saves."""
    n = len(order)
    every = np.stack(gains(p[order], d[order], w[order], start))
    kind = every.argmax(axis=0)
    best = np.triu(every.max(axis=0), 1)
    saved = np.zeros(n + 1, dtype=np.int64)  # in the first j places
    since = np.zeros(n + 1, dtype=np.int64)
    for j in range(n):
        sums = saved[: j + 1] + best[: j + 1, j]
        since[j + 1] = i = sums.argmax()
        saved[j + 1] = sums[i]
        if saved[j + 1] <= saved[j]:
            saved[j + 1], since[j + 1] = saved[j], j
    j = n
    while j > 0:
        i = int(since[j])
        if i < j - 1:
            moved(order, kind[i, j - 1], i, j - 1)
        j = i
    return int(saved[n])


def improved(p, d, w, order, start, kicks):
    """Return the best order found from this one, after so many kicks."""
    rng = random.Random(0)
    order = order.copy()
    while step(p, d, w, order, start):
        pass
    best = order.copy()
    lowest = current = cost(p, d, w, order, start)
    stale = 0
    for _ in range(kicks):
        if lowest == 0:
            break
        other = order.copy()
        for _ in range(SWAPS):
            i = rng.randrange(len(p))
            j = min(len(p) - 1, i + rng.randint(1, REACH))
            other[i], other[j] = other[j], other[i]
        while step(p, d, w, other, start):
            pass
        found = cost(p, d, w, other, start)
        if found <= current:
            order, current = other, found
        stale += 1
        if found < lowest:
            best, lowest, stale = other.copy(), found, 0
        elif stale > PATIENCE:
            order, current, stale = best.copy(), lowest, 0
    return best


def searched(p, d, w, start):
    return improved(p, d, w, by_rule(p, d, w, start), start, min(MOST_KICKS, KICK_WORK // len(p) ** 2)).tolist()


def sequence(processing, due, weight):
    return searched(processing, due, weight, 0)


class Policy:
    def __init__(self, info):
        pass

    def pick(self, obs):
        if len(obs.due) == 1:
            return 0
        order = by_rule(obs.processing, obs.due, obs.weight, obs.now)
        return int(improved(obs.processing, obs.due, obs.weight, order, obs.now, 0)[0])
