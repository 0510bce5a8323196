"""Apparent tardiness cost: the largest weight / processing * exp(-slack / (2 * mean processing)) first.

Source: Vepsalainen & Morton 1987 (Priority rules for job shops with weighted tardiness costs).
Its logarithm is compared, which does not vanish for large slacks.
"""

from math import log

LOOK_AHEAD = 2.0


def rank(now, p, d, w, mean_p):
    return max(0, d - p - now) / (LOOK_AHEAD * mean_p) - log(w / p)


def first(now, jobs, p, d, w):
    """The job with the lowest rank, of those that are left."""
    mean_p = sum(p) / len(p)
    return min(jobs, key=lambda j: rank(now, p[j], d[j], w[j], mean_p))


def sequence(processing, due, weight):
    p, d, w = processing.tolist(), due.tolist(), weight.tolist()
    rest, order, now = list(range(len(p))), [], 0
    while rest:
        job = first(now, rest, p, d, w)
        rest.remove(job)
        order.append(job)
        now += p[job]
    return order


class Policy:
    def __init__(self, info):
        pass

    def pick(self, obs):
        p, d, w = obs.processing.tolist(), obs.due.tolist(), obs.weight.tolist()
        return first(obs.now, range(len(p)), p, d, w)
