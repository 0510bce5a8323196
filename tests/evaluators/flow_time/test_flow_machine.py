"""The machine: by hand, against a second one that goes tick by tick, and against every schedule of small cases."""

from __future__ import annotations

import functools
import random

import pytest

from evaluators.flow_time.baselines import (
    estimated_srpt,
    fcfs,
    gittins,
    las,
    least_revealed,
    op_srpt,
    round_robin,
)
from evaluators.flow_time.figures import plain, served_by
from evaluators.flow_time.machine import (
    HIDDEN,
    KINDS,
    Case,
    Job,
    checked_plan,
    estimates,
    flows,
    info_of,
    operate,
    serve,
    shortest_remaining,
)
from evaluators.flow_time.public_format import Read
from evolve.evaluator import Infeasible

PROGRAMS = (round_robin, fcfs, las, op_srpt, least_revealed, estimated_srpt, gittins)
BY_HAND = (Job(0, (4, 5)), Job(2, (3,)), Job(4, (1, 1)))


def case_of(*machines, error=3.0):
    return Case("hand", "given", 0.9, Read(tuple(machines)), error)


def random_jobs(rng, most=6, longest=6):
    arrivals = sorted(rng.randint(0, 15) for _ in range(rng.randint(1, most)))
    return tuple(Job(t, tuple(rng.randint(1, longest) for _ in range(rng.randint(1, 3)))) for t in arrivals)


def run(jobs, policy, kind="gradual", guesses=()):
    """Run one machine with a function (obs) -> answer. Returns what it saw and the day."""
    seen, machine = [], operate(jobs, kind, guesses)
    try:
        obs = next(machine)
        while True:
            seen.append(obs)
            obs = machine.send(plain(policy(obs)))
    except StopIteration as stop:
        return seen, stop.value


def slowly(jobs, rank):
    """Tick by tick, whoever has the lowest rank (arrived, attained, op index, op left); lower number first."""
    attained, ends, tick = [0] * len(jobs), [None] * len(jobs), 0
    while None in ends:
        there = [j for j, job in enumerate(jobs) if job.arrival <= tick and ends[j] is None]
        if there:

            def facts(j):
                done = attained[j]
                for index, op in enumerate(jobs[j].ops):
                    if done < op:
                        return rank(jobs[j].arrival, attained[j], index, op - done), j
                    done -= op
                raise AssertionError

            best = min(there, key=facts)
            attained[best] += 1
            if attained[best] == sum(jobs[best].ops):
                ends[best] = tick + 1
        tick += 1
    return ends


def test_a_day_by_hand():
    seen, day = run(BY_HAND, lambda obs: (obs.op_left.index(min(obs.op_left)), 99))
    # 0-2 job 0; 2-4 job 0 (2 left, job 1 has 3); 4: op of job 0 ends and job 2 comes: 5, 3, 1
    assert [(o.now, o.op_left, o.attained, o.op_index, o.revealed_total) for o in seen] == [
        (2, [2, 3], [2, 0], [0, 0], [4, 3]),
        (4, [5, 3, 1], [4, 0, 0], [1, 0, 0], [9, 3, 1]),
        (5, [5, 3, 1], [4, 0, 1], [1, 0, 1], [9, 3, 2]),
        (6, [5, 3], [4, 0], [1, 0], [9, 3]),
    ]
    assert day.end == (14, 9, 6)
    assert flows(BY_HAND, day.end) == [14, 7, 2]
    assert [o.last for o in seen] == [0, 0, 2, 2]
    assert [o.finished for o in seen] == [[], [], [], [(2, 2)]]
    assert [tuple(p) for p in day.pieces] == [(0, 4, 0, 9), (4, 6, 2, 2), (6, 9, 1, 3), (9, 14, 0, 5)]
    assert day.asked == 4
    assert shortest_remaining(BY_HAND) == [14, 5, 7]


@pytest.mark.parametrize(
    ("program", "rank"),
    [
        (fcfs, lambda arrived, attained, index, left: arrived),
        (op_srpt, lambda arrived, attained, index, left: left),
        (least_revealed, lambda arrived, attained, index, left: attained + left),
    ],
)
def test_two_hundred_random_cases_end_as_on_a_machine_run_tick_by_tick(program, rank):
    rng = random.Random(program.__name__)
    for _ in range(200):
        jobs = random_jobs(rng)
        (day,) = served_by(case_of(jobs), "gradual", program)
        # Ties: the program keeps to the first of the list, as the slow machine does.
        assert list(day.end) == slowly(jobs, rank)


def test_shortest_remaining_is_what_the_slow_machine_does_with_full_knowledge():
    rng = random.Random(1)
    for _ in range(200):
        jobs = random_jobs(rng)
        whole = tuple(Job(job.arrival, (sum(job.ops),)) for job in jobs)
        slow = slowly(whole, lambda arrived, attained, index, left: left)
        assert sum(shortest_remaining(jobs)) == sum(slow)


def test_no_schedule_at_all_beats_shortest_remaining():
    @functools.cache
    def least(jobs, attained, tick):
        """The least sum of ends, over every choice in every tick."""
        left = [j for j, job in enumerate(jobs) if attained[j] < sum(job.ops)]
        if not left:
            return 0
        there = [j for j in left if jobs[j].arrival <= tick]
        if not there:
            return least(jobs, attained, tick + 1)
        found = []
        for j in there:
            after = tuple(a + (k == j) for k, a in enumerate(attained))
            done = tick + 1 if after[j] == sum(jobs[j].ops) else 0
            found.append(done + least(jobs, after, tick + 1))
        return min(found)

    rng = random.Random(2)
    for _ in range(40):
        arrivals = sorted(rng.randint(0, 5) for _ in range(3))
        jobs = tuple(Job(t, (rng.randint(1, 4),)) for t in arrivals)
        assert sum(shortest_remaining(jobs)) == least(jobs, (0,) * 3, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_no_program_beats_shortest_remaining_and_all_work_is_done_once(kind):
    rng = random.Random(3)
    for _ in range(30):
        jobs = tuple(Job(t, (500, *ops[:1])) for t, ops in random_jobs(rng, 8, 2000))
        for program in PROGRAMS:
            (day,) = served_by(case_of(jobs), kind, program)
            assert sum(day.end) >= sum(shortest_remaining(jobs)), program.__name__
            assert sum(p.end - p.start for p in day.pieces) == sum(sum(job.ops) for job in jobs)
            assert all(a.end <= b.start for a, b in zip(day.pieces, day.pieces[1:], strict=False))


def test_round_robin_takes_turns_of_a_fifth_of_an_operation():
    jobs = (Job(0, (500,)), Job(0, (300,)), Job(0, (200,)))
    (day,) = served_by(case_of(jobs), "gradual", round_robin)
    assert [tuple(p)[:3] for p in day.pieces] == [
        (0, 200, 0),
        (200, 400, 1),
        (400, 600, 2),
        (600, 800, 0),
        (800, 900, 1),
        (900, 1000, 0),
    ]


def test_a_plan_is_done_piece_by_piece_until_something_happens():
    jobs = (Job(0, (10,)), Job(0, (10,)), Job(7, (1,)))
    seen, _ = run(jobs, lambda obs: [(0, 2), (1, 3), (0, 5), (1, 5)])
    assert [(o.now, o.attained) for o in seen][:2] == [(0, [0, 0]), (7, [4, 3, 0])]
    jobs = (Job(0, (10, 5)), Job(0, (4,)))
    seen, _ = run(jobs, lambda obs: [(1, 4), (0, 1)])
    assert [(o.now, o.job) for o in seen] == [(0, [0, 1])]  # job 1 ended at 4, and job 0 is alone
    seen, _ = run(((Job(0, (10, 5)), Job(0, (40,)))), lambda obs: [(0, 3), (0, 3)])
    assert [o.now for o in seen] == [0, 6, 10]  # at 10 an operation ended; at 15 job 0 did, and job 1 is alone


def test_with_one_job_present_nobody_is_asked():
    seen, day = run((Job(0, (3, 4)), Job(9, (1,))), lambda obs: (0, 1))
    assert (seen, day.end, day.asked) == ([], (7, 10), 0)


def test_jobs_that_come_together_are_seen_together():
    seen, _ = run((Job(5, (3,)), Job(5, (4,)), Job(5, (1,))), lambda obs: (2 % len(obs.job), 9))
    assert [(o.now, o.job) for o in seen] == [(5, [0, 1, 2]), (6, [0, 1])]


def test_a_kind_shows_what_it_says_and_nothing_else():
    for kind in KINDS:
        guesses = [7, 8, 9] if kind == "estimate" else ()
        seen, _ = run(BY_HAND, lambda obs: (0, 3), kind, guesses)
        shows = kind in ("gradual", "tests")
        for obs in seen:
            assert (obs.op_left == [HIDDEN] * len(obs.job)) is not shows
            assert obs.estimate == ([guesses[j] for j in obs.job] if guesses else [HIDDEN] * len(obs.job))
        info = info_of(case_of(BY_HAND), kind)
        assert (info.kind, info.ops, info.error) == (kind, 2 * (kind == "tests"), 3.0 * (kind == "estimate"))
    seen, _ = run(BY_HAND, lambda obs: (0, 3), "blind")
    assert [(o.now, o.attained, o.revealed_total) for o in seen] == [
        (2, [2, 0], [0, 0]),
        (4, [4, 0, 0], [4, 0, 0]),
        (7, [7, 0, 0], [4, 0, 0]),
        (9, [0, 0], [0, 0]),
    ][: len(seen)]


def test_what_is_shown_is_no_handle_on_the_machine():
    def meddle(obs):
        for column in (obs.op_left, obs.attained, obs.arrived, obs.op_index, obs.job, obs.revealed_total):
            column[:] = [0] * len(column)
        return 0, 99

    assert run(BY_HAND, meddle)[1] == run(BY_HAND, lambda obs: (0, 99))[1]


def test_estimates_are_within_their_error_both_ways_and_each_has_its_own_chance():
    jobs = tuple(Job(i, (1000 + i,)) for i in range(300))
    found = estimates(case_of(jobs, jobs, error=4.0), 0)
    ratios = [guess / sum(job.ops) for guess, job in zip(found, jobs, strict=True)]
    assert 0.24 < min(ratios) < 0.4
    assert 2.5 < max(ratios) < 4.01
    assert 0.4 < sum(r > 1 for r in ratios) / 300 < 0.6
    assert found != estimates(case_of(jobs, jobs, error=4.0), 1)
    assert found == estimates(case_of(jobs, jobs, error=4.0), 0)


def test_machines_side_by_side_end_as_each_alone():
    rng = random.Random(4)
    machines = [random_jobs(rng) for _ in range(4)]
    together = served_by(case_of(*machines), "gradual", op_srpt)
    assert together == [served_by(case_of(jobs), "gradual", op_srpt)[0] for jobs in machines]


# What is no answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "at 7 ticks run returned None, expected"),
        (0, "run returned 0"),
        ("01", "run returned '01'"),
        ([], "run returned a list of 0"),
        ([[0, 1]] * 1001, "run returned a list of 1001"),
        ([0, 1.5], r"0 is no pair"),
        ([0, True], r"0 is no pair"),
        ([[0, 1, 2]], r"\[0, 1, 2\] is no pair"),
        ([[0, 1], [1, None]], r"\[1, None\] is no pair"),
        ([2, 5], r"place 2 is none of the 2 jobs present, 0\.\.1"),
        ([-1, 5], "place -1 is none"),
        ([1, 0], "a budget is 0 ticks, expected 1 or more"),
        ([[0, 1], [1, -3]], "a budget is -3 ticks"),
    ],
)
def test_what_is_no_plan_is_infeasible_and_named(answer, message):
    with pytest.raises(Infeasible, match=message):
        checked_plan(answer, 2, 7)


def test_a_pair_is_a_plan_of_one_piece_and_a_budget_may_be_huge():
    assert checked_plan([1, 2**70], 2, 0) == [[1, 2**70]]
    assert checked_plan([[0, 1], [1, 1]], 2, 0) == [[0, 1], [1, 1]]


def test_who_asks_for_a_tick_at_a_time_is_stopped():
    jobs = (Job(0, (500,)), Job(0, (500,)))
    with pytest.raises(Infeasible, match=r"asked for the 101th time for 2 jobs, at most 50 times per job"):
        run(jobs, lambda obs: (0, 1))


def test_a_bad_answer_of_one_machine_ends_the_case():
    with pytest.raises(Infeasible, match="place 9"):
        serve(case_of(BY_HAND, BY_HAND), "gradual", lambda machines, seen: [[9 if m else 0, 1] for m in machines])
