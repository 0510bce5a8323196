"""An order of jobs with due dates on one machine."""

# EVOLVE-BLOCK-START
# The job that is due earliest first; whatever else is known of a job could be used, and is not.
LENGTH = 0.0  # urgency does not rise any more once the time to the due date is below this share of the processing time
WEIGHT = 0.0  # power of the weight by which the rank is divided
SHORT = 0.0  # how much it counts how long a job takes


def rank(now, p, d, w):
    """Of the jobs that are left, the one with the lowest rank is next. p: processing; d: due date; w: weight."""
    return (max(d - now, LENGTH * p) + SHORT * p) / w**WEIGHT


def first(now, jobs, p, d, w):
    """The next job. jobs: those that are left, the one due earliest first."""
    best, lowest = jobs[0], float("inf")
    for job in jobs:
        job_rank = rank(now, p[job], d[job], w[job])
        if job_rank < lowest:
            best, lowest = job, job_rank
    return best


def sequence(processing, due, weight):
    """An order of all jobs (kinds weighted and unweighted)."""
    p, d, w = processing.tolist(), due.tolist(), weight.tolist()
    rest = sorted(range(len(p)), key=lambda job: d[job])
    order, now = [], 0
    while rest:
        job = first(now, rest, p, d, w)
        rest.remove(job)
        order.append(job)
        now += p[job]
    return order


class Policy:
    """Asked for the next job whenever the machine is free (kind online)."""

    def __init__(self, info):
        self.info = info

    def pick(self, obs):
        p, d, w = obs.processing.tolist(), obs.due.tolist(), obs.weight.tolist()
        present = sorted(range(len(p)), key=lambda job: d[job])
        return first(obs.now, present, p, d, w)


# EVOLVE-BLOCK-END
