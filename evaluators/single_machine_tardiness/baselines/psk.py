"""PSK: the shortest job that is late anyway, else the one that a shorter one cannot be put before without harm.

Source: Panwalkar, Smith & Koulamas 1993 (A heuristic for the single machine tardiness problem). It knows no weights.
"""


def first(now, jobs, p, d):
    """jobs: those that are left, shortest first (of equal ones, the earliest due). Returns the next one."""
    active = jobs[0]
    for job in jobs[1:]:
        if now + max(p[active], p[job]) >= d[active]:
            break
        if d[job] < d[active]:
            active = job
    return active


def shortest_first(p, d):
    return sorted(range(len(p)), key=lambda j: (p[j], d[j]))


def sequence(processing, due, weight):
    p, d = processing.tolist(), due.tolist()
    rest, order, now = shortest_first(p, d), [], 0
    while rest:
        job = first(now, rest, p, d)
        rest.remove(job)
        order.append(job)
        now += p[job]
    return order


class Policy:
    def __init__(self, info):
        pass

    def pick(self, obs):
        p, d = obs.processing.tolist(), obs.due.tolist()
        return first(obs.now, shortest_first(p, d), p, d)
