"""Weighted modified due date: the least max(processing, due - now) / weight first.

Source: Kanet & Li 2004 (A weighted modified due date rule for sequencing to minimize weighted tardiness).
"""


def rank(now, p, d, w, mean_p):
    return max(p, d - now) / w


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
