"""From a plain function to a better program: order the jobs of a machine so that they wait little."""

import random

import evolve

SEED = """
def order(jobs_s):
    return sorted(range(len(jobs_s)), key=lambda job: job + 0.1 * jobs_s[job])
"""


def waiting(order, jobs_s):
    found = order(jobs_s)  # runs in the sandbox; what comes back may be anything, so look at it
    if sorted(found) != list(range(len(jobs_s))):
        return float("nan")  # no score
    now_s = waited_s = 0
    for job in found:
        waited_s += now_s
        now_s += jobs_s[job]
    return -waited_s


rng = random.Random(1)
inputs = [[rng.randint(1, 100) for _ in range(12)] for _ in range(16)]
result = evolve.optimize(SEED, waiting, inputs, evaluations=40, deterministic=True)
print(result.best.source)
print(result.verdict)
