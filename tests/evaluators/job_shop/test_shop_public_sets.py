"""The literature's shops: Taillard's come from their seeds, and the rules leave the gaps that were measured for them.

The page's figures were measured on the shops as published, jobs in the order of the files, ties by that order; so are
these. What a program is given has jobs and machines numbered anew.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import operator
from fractions import Fraction
from functools import partial
from statistics import fmean

import pytest

from evaluators.job_shop import JobShop
from evaluators.job_shop.baselines import (
    fdd_mwkr,
    fifo,
    lpt,
    lwkr,
    mopnr,
    mwkr,
    random_choice,
    spt,
    spt_wkr,
)
from evaluators.job_shop.figures import served_by
from evaluators.job_shop.public_sets import bounds, public_shop, public_shops, set_of
from evaluators.job_shop.shop import Job, Shop, ShopInstance, makespan_bound_ticks
from evaluators.job_shop.taillard import Chance
from evolve.evaluator import Split, UsageError

TA = [name for name in bounds("jsp") if set_of(name) == "ta"]


def as_published(name, kind):
    known = bounds(kind)[name]
    return ShopInstance(
        name, kind, partial(public_shop, name, kind == "fjsp"), lower_bound=known.lower, best_known=known.upper
    )


@functools.cache
def gap_pct(rule, name, kind):
    """Return by how much a rule's makespan is above the best one known."""
    instance = as_published(name, kind)
    return 100 * (served_by(instance, rule).makespan_ticks / instance.best_known - 1)


def mean_gap_pct(rule, names, kind):
    return round(fmean(gap_pct(rule, name, kind) for name in names), 1)


def with_ties_by_duration(key):
    """Return a rule that takes, of what it holds equal, the option that is done first, whosever it is."""

    class Policy:
        def __init__(self, info):
            pass

        def dispatch(self, obs):
            return min(range(len(obs.job)), key=lambda k: (key(obs, k), obs.duration[k], obs.job[k]))

    return type("Rule", (), {"Policy": Policy})


def exactly(rank):
    """Return a rule that ranks by the exact mean work left, no float; of equal ones the shortest operation first.

    rank: gives it from the duration and the work left, both in ticks.
    """

    class Policy:
        def __init__(self, info):
            self.left = {}
            for one in info.jobs:
                means = [Fraction(sum(ticks for _, ticks in op), len(op)) for op in one.ops]
                self.left[one.job] = [sum(means[k:]) for k in range(len(means))]

        def dispatch(self, obs):
            left = [self.left[job][op] for job, op in zip(obs.job, obs.op, strict=True)]
            return min(range(len(left)), key=lambda k: (rank(obs.duration[k], left[k]), obs.duration[k], obs.job[k]))

    return type("Rule", (), {"Policy": Policy})


def subtracting():
    """Return MWKR whose work left is a float from which the mean of each operation that goes is subtracted.

    Of jobs that have the same mean work left, the roundings so far choose: that is how the page's figure came about.
    """

    class Policy:
        def __init__(self, info):
            self.left = {}
            for one in info.jobs:
                means = [fmean(ticks for _, ticks in op) for op in one.ops]
                self.left[one.job] = list(itertools.accumulate(means, operator.sub, initial=sum(means)))

        def dispatch(self, obs):
            return min(
                range(len(obs.job)), key=lambda k: (-self.left[obs.job[k]][obs.op[k]], obs.duration[k], obs.job[k])
            )

    return type("Rule", (), {"Policy": Policy})


EXACT_MWKR = exactly(lambda duration, left: -left)
EXACT_SPT_WKR = exactly(lambda duration, left: duration / max(1, left))
FIFO = with_ties_by_duration(lambda obs, k: obs.ready_since[k])
MWKR = with_ties_by_duration(lambda obs, k: -obs.work_left[k])


# Taillard


def test_taillards_shops_are_made_from_their_seeds_bit_for_bit():
    """The hash is that of the 80 files of a collection in the standard format, numbers joined by spaces."""
    total = hashlib.sha256()
    for name in TA:
        shop = public_shop(name, flexible=False)
        numbers = [len(shop.jobs), shop.machines, *(x for job in shop.jobs for op in job.ops for x in op[0])]
        total.update(" ".join(map(str, numbers)).encode())
    assert len(TA) == 80
    assert total.hexdigest() == "4721ac06055e1a63d4c3d655e084884a9fd4a24de3dc65dd0573be674332f4ba"
    first = [op[0] for op in public_shop("ta01", flexible=False).jobs[0].ops]
    assert first[:4] == [(6, 94), (12, 66), (4, 10), (7, 53)]


def test_the_generator_is_the_minimal_standard_one():
    """Park & Miller 1988: from seed 1 the 10,000th state is 1043618065."""
    chance = Chance(1)
    for _ in range(10_000):
        chance.whole(1, 99)
    assert chance._state == 1043618065


def test_shortest_first_is_as_far_off_as_the_literature_prints_it_for_the_smallest_and_the_largest():
    assert mean_gap_pct(spt, TA[:10], "jsp") == 25.9
    assert mean_gap_pct(spt, TA[10:20], "jsp") == 32.8
    assert mean_gap_pct(spt, TA[70:74], "jsp") == pytest.approx(14.4, abs=3)


@pytest.mark.slow
def test_the_rules_leave_the_gaps_that_were_measured_over_all_of_taillards_shops():
    """One differs: any operation at random, 31.8 with our stream of chance, 29.5 measured with another."""
    rules = {
        spt_wkr: 14.5, fdd_mwkr: 18.0, mopnr: 18.1, mwkr: 19.6, fifo: 25.4, spt: 27.5, lpt: 43.1, lwkr: 45.7,
    }  # fmt: skip
    assert {rule: mean_gap_pct(rule, TA, "jsp") for rule in rules} == rules
    by_size = [mean_gap_pct(spt, TA[size : size + 10], "jsp") for size in range(0, 80, 10)]
    assert by_size == [25.9, 32.8, 27.8, 35.3, 34.5, 24.1, 25.5, 14.4]
    assert 25.4 < mean_gap_pct(random_choice, TA, "jsp") < 43.1


def active_schedule_ticks(shop, key):
    """Return the makespan of Giffler and Thompson's (1960) active schedule.

    The operation that could end first names its machine; of those that could start there before that end, the one with
    the least key goes. key: from (ticks, work left with this one, tick at which it is ready); ties by job.
    """
    routes = [[op[0] for op in job.ops] for job in shop.jobs]
    left = [sum(ticks for _, ticks in route) for route in routes]
    ready, free, following = [0] * len(routes), [0] * shop.machines, [0] * len(routes)
    while any(left):
        waiting = [(job, *routes[job][following[job]]) for job in range(len(routes)) if left[job]]
        end, machine = min((max(ready[job], free[m]) + ticks, m) for job, m, ticks in waiting)
        rivals = [(job, t) for job, m, t in waiting if m == machine and max(ready[job], free[m]) < end]
        job, ticks = min(rivals, key=lambda one: (key(one[1], left[one[0]], ready[one[0]]), one[0]))
        ready[job] = free[machine] = max(ready[job], free[machine]) + ticks
        left[job] -= ticks
        following[job] += 1
    return max(ready)


ACTIVE = {
    spt: lambda ticks, left, ready: ticks,
    mwkr: lambda ticks, left, ready: -left,
    fifo: lambda ticks, left, ready: ready,
}
"""Keys of rules whose decision is the same one but for the kind of schedule."""


def mean_active_gap_pct(rule, names):
    known = bounds("jsp")
    gaps = [
        active_schedule_ticks(public_shop(name, flexible=False), ACTIVE[rule]) / known[name].upper for name in names
    ]
    return 100 * (fmean(gaps) - 1)


def test_active_schedules_by_hand():
    """By ticks, machine 1 waits from 1 to 4 for the shorter operation: such a schedule may delay, and SPT does."""
    shop = Shop(2, (Job((((0, 3),), ((1, 2),))), Job((((0, 1),), ((1, 5),)))))
    assert active_schedule_ticks(shop, ACTIVE[spt]) == 11  # job 1 on 0 to 1; job 0 on 0 to 4, on 1 to 6; job 1 to 11
    assert active_schedule_ticks(shop, ACTIVE[mwkr]) == 8  # job 1 on 0 to 1, on 1 to 6; job 0 on 0 to 4, on 1 to 8
    assert active_schedule_ticks(shop, ACTIVE[fifo]) == 10  # job 0 on 0 to 3, on 1 to 5; job 1 on 0 to 4, on 1 to 10


def test_active_schedules_are_worse_for_the_rules_than_those_without_delay():
    for rule in (spt, mwkr):
        assert mean_active_gap_pct(rule, TA[:10]) > mean_gap_pct(rule, TA[:10], "jsp") + 3


@pytest.mark.slow
def test_active_schedules_leave_the_gaps_that_were_measured_over_all_of_taillards_shops():
    assert mean_active_gap_pct(spt, TA) == pytest.approx(67, abs=0.5)
    assert mean_active_gap_pct(mwkr, TA) == pytest.approx(26, abs=0.5)
    assert mean_active_gap_pct(fifo, TA) == pytest.approx(mean_gap_pct(fifo, TA, "jsp"), abs=0.1)


def test_on_the_small_ones_the_rules_come_in_the_measured_order():
    gaps = [mean_gap_pct(rule, TA[:20], "jsp") for rule in (spt_wkr, fdd_mwkr, fifo, spt, lpt, lwkr)]
    assert gaps == sorted(gaps)


# Flexible shops


def test_the_rules_leave_the_gaps_that_were_measured_for_flexible_shops():
    """MWKR on mk01-10 hangs on ties, many jobs having the same mean work left: it is 23.6 where floats break them.

    In exact numbers it is 23.0 (of equal ones the shortest operation), 23.5 (of these, who waits longest), 25.1 (the
    lowest job).
    """
    names = {one: [n for n in bounds("fjsp") if set_of(n) == one] for one in ("mk", "edata", "rdata", "vdata")}
    mk = names["mk"][:10]
    assert [mean_gap_pct(rule, mk, "fjsp") for rule in (mopnr, FIFO, spt)] == [20.4, 21.1, 49.7]
    assert [mean_gap_pct(rule, mk, "fjsp") for rule in (subtracting(), MWKR, EXACT_MWKR)] == [23.6, 23.0, 23.0]
    assert mean_gap_pct(FIFO, names["rdata"], "fjsp") == 19.4
    assert [mean_gap_pct(rule, names["vdata"], "fjsp") for rule in (MWKR, FIFO, spt)] == [4.5, 8.8, 17.1]


def test_the_rules_leave_the_gaps_that_were_measured_for_hurinks_other_shops():
    """SPT/WKR in exact numbers, of equal ones the shortest operation; the baseline has 16.4 and 16.9, ties by job."""
    edata, rdata = ([n for n in bounds("fjsp") if set_of(n) == one] for one in ("edata", "rdata"))
    assert mean_gap_pct(EXACT_SPT_WKR, edata, "fjsp") == 16.5
    assert mean_gap_pct(EXACT_SPT_WKR, rdata, "fjsp") == 16.7


@pytest.mark.slow
def test_the_rules_leave_the_other_gaps_that_were_measured_for_hurinks_shops():
    edata, rdata = ([n for n in bounds("fjsp") if set_of(n) == one] for one in ("edata", "rdata"))
    assert mean_gap_pct(FIFO, edata, "fjsp") == 23.0
    assert mean_gap_pct(MWKR, rdata, "fjsp") == 16.8
    assert [mean_gap_pct(spt_wkr, names, "fjsp") for names in (edata, rdata)] == [16.4, 16.9]


# Without room for waiting jobs


def test_without_buffers_the_rules_are_as_far_from_the_best_known_as_measured():
    """Found by CP-SAT in 60 s (`reference.blocking_public`), ft06 proved. On ft06 MWKR ends at 75, SPT/WKR at 73; on
    la01-06 the rules are 16-70 % over it, and another one is best on nearly each.
    """
    assert {name: known.upper for name, known in bounds("blocking").items()} == {
        "ft06": 63, "la01": 793, "la02": 815, "la03": 721, "la04": 772, "la05": 665, "la06": 1231, "ft10": 1193,
    }  # fmt: skip
    ends = [served_by(as_published("ft06", "blocking"), rule).makespan_ticks for rule in (mwkr, spt_wkr)]
    assert ends == [75, 73]
    rules = (fifo, spt, lpt, mwkr, mopnr, spt_wkr, fdd_mwkr)
    gaps = [[gap_pct(rule, f"la0{number}", "blocking") for rule in rules] for number in range(1, 7)]
    assert all(15.5 < gap < 70 for row in gaps for gap in row)
    assert len({row.index(min(row)) for row in gaps}) >= 3


# The sets


def test_all_sets_are_there_and_the_options_choose_them():
    def count(kind, which):
        return len(JobShop(JobShop.Options(kind=kind, public=which)).instances(Split.PUBLIC))

    assert {which: count("jsp", which) for which in ("all", "ta", "la", "ft")} == {
        "all": 242,
        "ta": 80,
        "la": 40,
        "ft": 3,
    }
    assert {which: count("fjsp", which) for which in ("all", "mk", "edata", "behnke")} == {
        "all": 336,
        "mk": 15,
        "edata": 66,
        "behnke": 60,
    }
    assert count("blocking", "sample") == 8
    with pytest.raises(UsageError, match=r"kind jsp has no set 'mk'\. Known: sample, all, ft"):
        count("jsp", "mk")
    with pytest.raises(UsageError, match="no public shops of kind 'dynamic'"):
        count("dynamic", "sample")


def test_no_rule_is_below_a_bound_and_no_bound_above_a_schedule():
    for kind in ("jsp", "fjsp", "blocking"):
        for one in public_shops(kind, "sample")[::2]:
            assert makespan_bound_ticks(one.shop) <= one.best_known
            assert served_by(one, spt).makespan_ticks >= one.lower_bound


def test_a_public_shop_is_renumbered_and_otherwise_what_was_published():
    (given,) = (one for one in public_shops("jsp", "ft") if one.id == "public/ft06")
    published = public_shop("ft06", flexible=False)
    assert given.shop != published
    assert sorted(sorted(op[0][1] for op in job.ops) for job in given.shop.jobs) == sorted(
        sorted(op[0][1] for op in job.ops) for job in published.jobs
    )
    assert not given.generated
    assert (
        abs(served_by(given, spt).makespan_ticks / served_by(as_published("ft06", "jsp"), spt).makespan_ticks - 1) < 0.2
    )
