"""What an order costs: by hand, and against a slow second implementation; optima against every order there is."""

from __future__ import annotations

import itertools
import random
from types import SimpleNamespace

import numpy as np
import pytest

from evaluators.single_machine_tardiness.baselines import iterated_dynasearch, psk, rule_descent
from evaluators.single_machine_tardiness.clairvoyant import searched
from evaluators.single_machine_tardiness.figures import RULES, columns, compute, done_by
from evaluators.single_machine_tardiness.jobs import Jobs, arrivals_of, costs, dispatch, in_order, shown
from evaluators.single_machine_tardiness.optimum import least_tardiness
from evolve.evaluator import Infeasible

BY_HAND = Jobs("hand", (30, 10, 50, 20), (60, 15, 80, 70), (2, 4, 5, 1))
COMING = Jobs("hand", (10, 4, 2), (12, 9, 9), (1, 3, 2), (0, 5, 5), 0.9)


def random_jobs(rng: random.Random, most: int = 6, online: bool = False) -> Jobs:
    n = rng.randint(1, most)
    processing = tuple(rng.randint(1, 9) for _ in range(n))
    due = tuple(rng.randint(0, 5 * n) for _ in range(n))
    weight = tuple(rng.choice([1, rng.randint(1, 9)]) for _ in range(n))
    return Jobs("random", processing, due, weight, tuple(rng.randint(0, 4 * n) for _ in range(n)) if online else ())


def slowly(jobs: Jobs, order) -> int:
    """Run the machine tick by tick."""
    tick, cost, queue = 0, 0, list(order)
    left = list(jobs.processing)
    while queue:
        job = queue[0]
        if not jobs.release or jobs.release[job] <= tick:
            left[job] -= 1
            if tick + 1 > jobs.due[job]:
                cost += jobs.weight[job] * (tick + 1 - jobs.due[job]) if left[job] == 0 else 0
            if left[job] == 0:
                queue.pop(0)
        tick += 1
    return cost


def cost(jobs: Jobs, order) -> int:
    return sum(costs(jobs, in_order(jobs, order)))


def least(jobs: Jobs) -> int:
    return min(slowly(jobs, order) for order in itertools.permutations(range(len(jobs.processing))))


def test_costs_by_hand():
    schedule = in_order(BY_HAND, [1, 2, 0, 3])
    assert schedule.end == [10, 60, 90, 110]
    assert costs(BY_HAND, schedule) == [0, 0, 60, 40]
    assert costs(COMING, in_order(COMING, [1, 0, 2])) == [0, 7, 24]  # idle till 5; ends 9, 19, 21


def test_two_hundred_random_cases_cost_what_a_machine_run_tick_by_tick_pays():
    rng = random.Random(1)
    for number in range(200):
        jobs = random_jobs(rng, 8, online=number % 2 == 1)
        order = rng.sample(range(len(jobs.processing)), len(jobs.processing))
        assert cost(jobs, order) == slowly(jobs, order)


def test_the_optimum_is_that_of_all_orders_and_no_program_is_below_it():
    rng = random.Random(2)
    for number in range(200):
        jobs = random_jobs(rng, 5)
        alike = Jobs("alike", jobs.processing, jobs.due, (1,) * len(jobs.due))
        optimum = least(alike)
        assert least_tardiness(alike.processing, alike.due) == optimum
        for program in (*RULES, psk, rule_descent, *([] if number % 10 else [iterated_dynasearch])):
            assert cost(alike, done_by(alike, program).order) >= optimum


def test_the_searches_find_the_optimum_of_small_weighted_and_online_cases():
    rng = random.Random(3)
    for number in range(16):
        jobs = random_jobs(rng, 5, online=number % 2 == 1)
        assert compute(jobs).reference == least(jobs)


def test_more_jobs_are_solved_as_the_search_solves_them():
    rng = np.random.default_rng(4)
    p, d = rng.integers(1, 100, 30), rng.integers(0, 1200, 30)
    w = np.ones(30, dtype=np.int64)
    order = iterated_dynasearch.improved(p, d, w, iterated_dynasearch.by_rule(p, d, w, 0), 0, 60)
    assert iterated_dynasearch.cost(p, d, w, order, 0) == least_tardiness(p.tolist(), d.tolist())


def test_every_gain_is_what_the_move_saves():
    rng = np.random.default_rng(5)
    for start in (0, 7):
        p, d, w = rng.integers(1, 20, 9), rng.integers(0, 90, 9), rng.integers(1, 9, 9)
        every = iterated_dynasearch.gains(p, d, w, start)
        before = iterated_dynasearch.cost(p, d, w, np.arange(9), start)
        for kind, i, j in itertools.product(range(3), range(9), range(9)):
            if i < j:
                order = np.arange(9)
                iterated_dynasearch.moved(order, kind, i, j)
                assert every[kind][i, j] == before - iterated_dynasearch.cost(p, d, w, order, start)
        for place in range(9):
            target, saved = rule_descent.best_place(p, d, w, place, start)
            moved = np.insert(np.delete(np.arange(9), place), target, place)
            assert saved == before - iterated_dynasearch.cost(p, d, w, moved, start)


def test_a_step_of_dynasearch_saves_what_it_says_and_at_least_what_the_best_move_does():
    rng = np.random.default_rng(6)
    for _ in range(20):
        p, d, w = rng.integers(1, 20, 12), rng.integers(0, 120, 12), rng.integers(1, 9, 12)
        order = rng.permutation(12)
        before = iterated_dynasearch.cost(p, d, w, order, 0)
        gains = iterated_dynasearch.gains(p[order], d[order], w[order], 0)
        best = max(int(np.triu(one, 1).max()) for one in gains)
        saved = iterated_dynasearch.step(p, d, w, order, 0)
        assert saved == before - iterated_dynasearch.cost(p, d, w, order, 0)
        assert saved >= best


def test_the_search_with_foresight_never_loses_to_its_starts():
    rng = random.Random(7)
    jobs = Jobs(
        "many",
        *(tuple(rng.randint(1, most) for _ in range(25)) for most in (20, 300, 9)),
        tuple(rng.randint(0, 250) for _ in range(25)),
    )
    starts = [done_by(jobs, rule).order for rule in RULES]
    assert cost(jobs, searched(jobs, starts, 1)) < min(cost(jobs, order) for order in starts)


# Jobs that come one after the other


def test_a_policy_is_asked_when_the_machine_is_free_and_sees_what_has_come():
    seen = []

    def pick(obs):
        seen.append((obs.now, obs.job.tolist(), obs.processing.tolist(), obs.more_to_come))
        return len(obs.job) - 1

    schedule = dispatch(COMING, pick)
    assert seen == [(0, [0], [10], True), (10, [1, 2], [4, 2], False), (12, [1], [4], False)]
    assert schedule.order == [0, 2, 1]
    assert schedule.end == [10, 12, 16]


def test_a_wait_lasts_until_the_next_job_comes():
    answers = iter([-1, 1, 0, 0])
    schedule = dispatch(COMING, lambda obs: next(answers))
    assert schedule.order == [1, 0, 2]
    assert schedule.end == [9, 19, 21]


def test_waiting_for_nothing_is_infeasible():
    with pytest.raises(Infeasible, match=r"at 10 ticks pick waits with 2 jobs present and no job to come"):
        dispatch(COMING, lambda obs: 0 if obs.more_to_come else -1)


@pytest.mark.parametrize("answer", [1, -2, 0.0, True, None, "0", [0], 2**80])
def test_what_is_no_job_present_is_infeasible(answer):
    with pytest.raises(Infeasible, match="at 0 ticks pick returned"):
        dispatch(COMING, lambda obs: answer)


def test_a_dispatched_schedule_is_its_order_done_early():
    rng = random.Random(8)
    for _ in range(50):
        jobs = random_jobs(rng, 8, online=True)
        schedule = dispatch(jobs, lambda obs: rng.randrange(len(obs.job)))
        assert schedule == in_order(jobs, schedule.order)


def test_the_present_jobs_are_told_with_their_own_figures_in_the_order_in_which_they_came():
    rng = random.Random(9)
    jobs = random_jobs(rng, 8, online=True)
    came = sorted(range(len(jobs.release)), key=lambda job: jobs.release[job])

    def pick(obs):
        for job, *facts in zip(obs.job, obs.processing, obs.due, obs.weight, obs.released, strict=True):
            own = came[job]
            assert facts == [jobs.processing[own], jobs.due[own], jobs.weight[own], jobs.release[own]]
            assert jobs.release[own] <= obs.now
        assert sorted(obs.job.tolist()) == obs.job.tolist()
        return 0

    dispatch(jobs, pick)
    assert arrivals_of(jobs).mean_processing == np.mean(jobs.processing)


def test_an_order_of_jobs_in_a_file_says_nothing():
    """wt100 lists its jobs by falling weight / processing time: as given would be WSPT."""
    jobs = Jobs("file", tuple(range(1, 31)), tuple(range(30)), (1,) * 30)
    told = shown(jobs)
    assert told.processing != jobs.processing
    assert sorted(zip(*columns(told), strict=True)) == sorted(zip(*columns(jobs), strict=True))
    assert shown(jobs) == told


def test_every_rule_picks_online_what_it_would_put_first():
    rng = random.Random(10)
    for program in (*RULES, psk):
        for _ in range(20):
            jobs = random_jobs(rng, 7)
            p, d, w = columns(jobs)
            obs = SimpleNamespace(now=0, processing=p, due=d, weight=w)
            first = program.sequence(p, d, w)[0]
            picked = program.Policy(None).pick(obs)
            assert (p[picked], d[picked], w[picked]) == (p[first], d[first], w[first])
