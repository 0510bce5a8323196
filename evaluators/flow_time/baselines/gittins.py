"""Gittins index: the least expected work per chance to end, given what a job has attained; sizes as those that ended.

The rank of a job that has attained a is the least, over all t, of the expected work in [a, a + t] divided by the chance
to end in it. The lowest rank runs until its rank changes. The distribution is learnt from the jobs that end, on all
machines; until enough have ended it is least attained service. What is revealed of an operation is not used.

Source: Gittins 1989 (Multi-armed Bandit Allocation Indices); Aalto, Ayesta & Righter 2009 (On the Gittins index in the
M/G/1 queue): no policy does better that knows nothing but the distribution and what was attained.
"""

import bisect
import itertools

FEWEST = 30  # jobs that must have ended
TRIED = 50  # quantiles of the sizes: levels of attained work, and times t, that are looked at
LEAST = 0.05  # of the mean operation: the shortest piece of work
FOREVER = 10**15

SIZES = []  # of all jobs that ended


def ranks_of(sizes):
    """Levels of attained work and the rank at each. sizes: sorted."""
    n = len(sizes)
    sums = [0, *itertools.accumulate(sizes)]
    ends = sorted({sizes[i * (n - 1) // TRIED] for i in range(TRIED + 1)})
    upto = [bisect.bisect_right(sizes, end) for end in ends]  # how many end by then
    levels, ranks = [], []
    for attained, gone in zip([0, *ends[:-1]], [0, *upto[:-1]], strict=True):
        best = float("inf")
        for end, by_then in zip(ends, upto, strict=True):
            if by_then > gone:
                work = sums[by_then] - sums[gone] - (by_then - gone) * attained + (n - by_then) * (end - attained)
                best = min(best, work / (by_then - gone))
        levels.append(attained)
        ranks.append(best)
    return levels, ranks


class Policy:
    table = None  # of all machines
    learnt = 0

    def __init__(self, info):
        self.least = max(1, round(LEAST * info.mean_op))

    def run(self, obs):
        SIZES.extend(work for _, work in obs.finished)
        if len(SIZES) >= max(FEWEST, 2 * Policy.learnt):
            Policy.learnt = len(SIZES)
            Policy.table = ranks_of(sorted(SIZES))
        if Policy.table is None:
            place = obs.attained.index(min(obs.attained))
            return place, max(self.least, obs.attained[place] // 20)
        levels, ranks = Policy.table
        at = [bisect.bisect_right(levels, attained) - 1 for attained in obs.attained]
        place = min(range(len(at)), key=lambda j: ranks[at[j]])
        level = at[place]
        if level + 1 == len(levels):
            return place, FOREVER
        return place, max(self.least, levels[level + 1] - obs.attained[place])
