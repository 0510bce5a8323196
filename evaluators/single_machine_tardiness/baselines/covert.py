"""COVERT, cost over time: the largest weight / processing * share of the slack that is used up first.

Source: Carroll 1965 (Heuristic sequencing of single and multiple component jobs), with weights as in
Vepsalainen & Morton 1987. Of jobs with none of it used up, the one with the least slack comes first.
"""

PATIENCE = 3.0  # slack, in times the processing time, from which on a job costs nothing


def rank(now, p, d, w, mean_p):
    slack = max(0, d - p - now)
    used_up = 1 - slack / (PATIENCE * p)
    return -w / p * used_up if used_up > 0 else slack


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
