"""Modified due date: the least max(due, now + processing) first. It knows no weights.

Source: Baker & Bertrand 1982 (A dynamic priority rule for scheduling against due-dates).
"""


def rank(now, p, d, w, mean_p):
    return max(d, now + p)


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
