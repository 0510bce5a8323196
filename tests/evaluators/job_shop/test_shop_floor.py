"""The shop floor: by hand, against a way that goes tick after tick, and against CP-SAT and all choices there are."""

from __future__ import annotations

import functools
import itertools

import pytest
from small_shops import random_shop, tick_by_tick, whimsical

from evaluators.job_shop.annealing import annealed_ticks
from evaluators.job_shop.chain import last_chain
from evaluators.job_shop.dispatching import Facts, Option, checked_choice, dispatched
from evaluators.job_shop.hindsight import searched
from evaluators.job_shop.public_sets import BLOCKING, bounds, public_shop
from evaluators.job_shop.reference import solved
from evaluators.job_shop.shop import Breakdown, Job, Shop, makespan_bound_ticks
from evolve.evaluator import Infeasible


def job(*ops, **more):
    return Job(tuple((pair,) for pair in ops), **more)


def first(floor, options):
    return 0


def starts(schedule):
    return [[run.start for run in runs] for runs in schedule.runs]


# By hand


def test_a_free_machine_is_offered_all_that_waits_for_it():
    asked = []

    def choose(floor, options):
        asked.append((floor.now, list(options)))
        return len(options) - 1

    shop = Shop(2, (job((0, 3), (1, 2)), job((0, 2), (1, 4)), job((1, 3), (0, 1))))
    schedule = dispatched(shop, False, choose)
    assert asked[0] == (0, [Option(0, 0, 0, 3), Option(1, 0, 0, 2), Option(2, 0, 1, 3)])
    assert asked[1] == (0, [Option(0, 0, 0, 3), Option(1, 0, 0, 2)])
    assert starts(schedule) == [[2, 7], [0, 3], [0, 5]]
    assert (schedule.makespan_ticks, schedule.asked, schedule.idled) == (9, 6, 0)


def test_equal_work_left_is_equal_whatever_the_order_of_the_operations():
    """1/3 + 4/3 + 5/3, as floats, is 3.333333333333333 or 3.3333333333333335."""
    means = [((0, 1), (1, 0), (2, 0)), ((0, 4), (1, 0), (2, 0)), ((0, 5), (1, 0), (2, 0))]
    shop = Shop(3, tuple(Job(order) for order in itertools.permutations(means)))
    assert {left[0] for left in Facts.of(shop).work_left} == {10 / 3}


def test_idling_lasts_until_the_next_event_and_may_be_better():
    """Job 1 is long and starts on machine 0 at once, unless it is kept for job 0, which comes there at 1."""
    shop = Shop(2, (job((1, 1), (0, 1), (1, 9)), job((0, 9))))
    assert dispatched(shop, False, first).makespan_ticks == 19

    def patient(floor, options):
        return next((k for k, one in enumerate(options) if one.job == 0), -1 if floor.now == 0 else 0)

    schedule = dispatched(shop, False, patient)
    assert (schedule.makespan_ticks, schedule.idled) == (11, 1)


def test_leaving_all_idle_for_nothing_is_infeasible():
    with pytest.raises(Infeasible, match="t=0: nothing runs and nothing comes"):
        dispatched(Shop(1, (job((0, 1)),)), False, lambda floor, options: -1)
    later = Shop(1, (job((0, 1)), job((0, 1), arrival=5)))
    with pytest.raises(Infeasible, match="t=5: nothing runs"):
        dispatched(later, False, lambda floor, options: -1)


@pytest.mark.parametrize("answer", [None, True, 1.0, "0", [0], 2, -2, 2**70])
def test_an_answer_that_is_no_option_is_infeasible(answer):
    with pytest.raises(Infeasible, match="t=7: "):
        checked_choice(answer, 2, 7)


def test_a_machine_that_breaks_down_goes_on_where_it_stopped():
    shop = Shop(1, (job((0, 5)),), (Breakdown(0, 0, 2), Breakdown(0, 4, 10)))
    (run,) = dispatched(shop, False, first).runs[0]
    assert (run.ready, run.start, run.end) == (0, 2, 13)


def test_an_operation_that_ends_when_its_machine_breaks_down_has_ended():
    shop = Shop(1, (job((0, 4)), job((0, 1))), (Breakdown(0, 4, 6),))
    assert [run.end for run in (runs[0] for runs in dispatched(shop, False, first).runs)] == [4, 7]


def test_what_is_seen_of_a_machine_says_nothing_of_its_repair():
    seen = []

    def choose(floor, options):
        seen.append(floor.observation(options))
        return 0

    shop = Shop(2, (job((0, 5)), job((1, 1), arrival=3)), (Breakdown(0, 2, 100),))
    dispatched(shop, False, choose)
    assert (seen[1].now, seen[1].machine_up, seen[1].machine_free_at) == (3, [False, True], [6, 3])
    assert [one.job for one in seen[0].arrived] == [0]
    assert [one.job for one in seen[1].arrived] == [1]


def test_a_job_blocks_its_machine_and_two_that_want_each_others_swap():
    """Both end at 2 and 3; the first waits on its machine; at 3 they change places."""
    shop = Shop(2, (job((0, 2), (1, 1)), job((1, 3), (0, 4))))
    schedule = dispatched(shop, True, first)
    assert starts(schedule) == [[0, 3], [0, 3]]
    assert schedule.runs[0][0].left == 3
    assert schedule.makespan_ticks == 7


def test_a_ring_of_three_turns_and_a_job_outside_of_it_stays():
    ring = [job((m, 1), ((m + 1) % 3, 2)) for m in range(3)]
    schedule = dispatched(Shop(3, (*ring, job((0, 1)))), True, first)
    assert starts(schedule)[:3] == [[0, 1], [0, 1], [0, 1]]
    assert starts(schedule)[3] == [3]


def test_a_broken_machine_keeps_its_job_and_stops_the_ring():
    shop = Shop(2, (job((0, 2), (1, 1)), job((1, 2), (0, 1))), (Breakdown(0, 2, 6),))
    assert starts(dispatched(shop, True, first)) == [[0, 6], [0, 6]]


def test_one_machine_ends_when_all_is_done_whatever_comes_first():
    shop = Shop(1, tuple(job((0, ticks)) for ticks in (4, 2, 7)))
    for chosen in (0, -1):
        assert dispatched(shop, False, lambda f, o, k=chosen: k % len(o)).makespan_ticks == 13


# Slow ways

WAYS = {
    "jsp": ({}, False),
    "fjsp": ({"flexible": True}, False),
    "dynamic": ({"dynamic": True, "broken": True}, False),
    "blocking": ({}, True),
    "broken blocking": ({"broken": True}, True),
}


@pytest.mark.parametrize("way", WAYS)
def test_two_hundred_shops_run_as_they_do_tick_after_tick(way):
    options, blocking = WAYS[way]
    swaps = 0
    for seed in range(200):
        shop = random_shop(f"{way}/{seed}", **options)
        schedule = dispatched(shop, blocking, whimsical(seed))
        found = {
            (j, op): (run.machine, run.start, run.end, run.left)
            for j, runs in enumerate(schedule.runs)
            for op, run in enumerate(runs)
        }
        assert found == tick_by_tick(shop, blocking, seed), seed
        swaps += any(run.left > run.end for runs in schedule.runs for run in runs)
    assert (swaps > 20) is blocking, "some jobs were blocked where that can be, and none else"


def best_of_all_choices(shop, blocking):
    """Return the least makespan over everything that a program may answer."""

    @functools.cache
    def best(answers):
        given = iter(answers)

        class Undecided(Exception):
            pass

        def choose(floor, options):
            answer = next(given, None)
            if answer is None:
                raise Undecided(len(options))
            return answer

        try:
            return dispatched(shop, blocking, choose).makespan_ticks
        except Infeasible:
            return 10**9
        except Undecided as undecided:
            return min(best((*answers, k)) for k in range(-1, undecided.args[0]))

    return best(())


@pytest.mark.parametrize("kind", ["jsp", "fjsp", "blocking"])
def test_the_best_of_all_answers_is_the_optimum_and_nobody_is_below_it(kind):
    """CP-SAT knows nothing of dispatching: what it proves, some program can reach, and no rule beats."""
    for seed in range(20):
        shop = random_shop(f"{kind}/all/{seed}", flexible=kind == "fjsp", jobs=3, machines=2, longest=5)
        lower, upper = solved(shop, kind == "blocking", 60)
        assert lower == upper
        assert best_of_all_choices(shop, kind == "blocking") == upper
        assert makespan_bound_ticks(shop) <= upper


@pytest.mark.parametrize("kind", ["jsp", "fjsp", "blocking"])
def test_no_choice_and_no_search_is_below_what_the_solver_proves(kind):
    blocking = kind == "blocking"
    for seed in range(30):
        shop = random_shop(f"{kind}/below/{seed}", flexible=kind == "fjsp", jobs=5)
        lower, upper = solved(shop, blocking, 200)
        schedule = dispatched(shop, blocking, whimsical(seed))
        found = searched(shop, schedule, 400).makespan_ticks if blocking else annealed_ticks(shop, schedule, 4000)
        assert makespan_bound_ticks(shop) <= lower == upper <= found <= schedule.makespan_ticks


def test_the_searches_reach_optima_that_are_known():
    """ft06 of 55 ticks, and of 63 where no room is for waiting jobs."""
    shop = public_shop("ft06", flexible=False)
    assert annealed_ticks(shop, dispatched(shop, False, first), 400_000) == 55
    assert bounds("blocking")["ft06"] == (63, 63) == solved(shop, True, 300)
    assert searched(shop, dispatched(shop, True, first), 20_000).makespan_ticks <= 70


def test_swaps_leave_no_shop_stuck():
    for name in BLOCKING[:4]:
        shop = public_shop(name, flexible=False)
        for seed in range(5):
            assert dispatched(shop, True, whimsical(seed)).makespan_ticks >= bounds("blocking")[name].lower


def test_the_chain_that_ends_last_has_no_gap():
    for seed in range(60):
        shop = random_shop(f"chain/{seed}", jobs=5)
        schedule = dispatched(shop, False, lambda floor, options: 0)
        chain = last_chain(schedule)
        runs = [schedule.runs[link.job][link.op] for link in chain]
        assert runs[0].end == schedule.makespan_ticks
        assert runs[-1].start == 0
        assert all(later.start == before.end for later, before in itertools.pairwise(runs))
