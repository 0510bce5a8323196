"""Schedules in whole ticks: by hand, and against slow and obvious ways to build and to check them."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from evaluators.rcpsp.decoding import SCHEMES, parallel, serial
from evaluators.rcpsp.project import (
    critical_path_ticks,
    horizon_ticks,
    make_project,
    makespan_bound_ticks,
    makespan_ticks,
    topological,
)
from evaluators.rcpsp.rules import breaches

CHAIN_AND_TWO = make_project([3, 4, 2, 5], [[2], [1], [2], [1]], [3], [[2], [3], [], []])
"""0 before 2, 1 before 3; one resource of 3."""


def small(rng: random.Random, tasks: int, constrained: bool):
    """A random project of a few tasks."""
    resources = rng.randint(1, 3)
    demand = [[rng.choice((0, rng.randint(1, 4))) for _ in range(resources)] for _ in range(tasks)]
    capacity = [max(4, max(needs)) + rng.randint(0, 2) for needs in zip(*demand, strict=True)]
    successors = [[s for s in range(t + 1, tasks) if rng.random() < 0.3] for t in range(tasks)]
    duration = [rng.randint(1, 5) for _ in range(tasks)]
    if not constrained:
        return make_project(duration, demand, capacity, successors)
    release = [rng.choice((0, rng.randint(0, 8))) for _ in range(tasks)]
    downtime = [(rng.randrange(resources), s, s + rng.randint(1, 4)) for s in rng.sample(range(12), rng.randint(0, 3))]
    pairs = [tuple(sorted(rng.sample(range(tasks), 2))) for _ in range(rng.randint(0, 2))]
    return make_project(duration, demand, capacity, successors, release, None, downtime, pairs)


def allowed_slowly(project, starts) -> bool:
    """Whether a schedule keeps all rules, tick by tick and pair by pair."""
    ends = [s + d for s, d in zip(starts, project.duration, strict=True)]
    for tick in range(max(ends)):
        running = [t for t in range(project.tasks) if starts[t] <= tick < ends[t]]
        for k, capacity in enumerate(project.capacity):
            down = any(r == k and a <= tick < b for r, a, b in project.downtime)
            needed = sum(project.demand[t][k] for t in running)
            if needed > (0 if down else capacity):
                return False
        if any(a in running and b in running for a, b in project.exclusive):
            return False
    late = any(0 <= d < e for d, e in zip(project.deadline, ends, strict=True))
    early = any(s < r for s, r in zip(starts, project.release, strict=True))
    return not late and not early and all(ends[t] <= starts[s] for t, f in enumerate(project.successors) for s in f)


def serial_slowly(project, priority):
    """Try every tick for the next task until the schedule so far is allowed."""
    starts: dict[int, int] = {}
    while len(starts) < project.tasks:
        ready = [t for t in range(project.tasks) if t not in starts and set(project.predecessors[t]) <= starts.keys()]
        task = min(ready, key=lambda t: (priority[t], t))
        tick = 0
        while not _allowed_so_far(project, {**starts, task: tick}):
            tick += 1
        starts[task] = tick
    return [starts[t] for t in range(project.tasks)]


def parallel_slowly(project, priority):
    """Tick after tick, in the order of priority, start what may start."""
    starts: dict[int, int] = {}
    tick = 0
    while len(starts) < project.tasks:
        for task in sorted(set(range(project.tasks)) - starts.keys(), key=lambda t: (priority[t], t)):
            if set(project.predecessors[task]) <= starts.keys() and _allowed_so_far(project, {**starts, task: tick}):
                starts[task] = tick
        tick += 1
    return [starts[t] for t in range(project.tasks)]


def _allowed_so_far(project, starts) -> bool:
    tasks = sorted(starts)
    place = {t: i for i, t in enumerate(tasks)}
    part = make_project(
        [project.duration[t] for t in tasks],
        [project.demand[t] for t in tasks],
        project.capacity,
        [[place[s] for s in project.successors[t] if s in place] for t in tasks],
        [project.release[t] for t in tasks],
        None,
        project.downtime,
        [(place[a], place[b]) for a, b in project.exclusive if a in place and b in place],
    )
    return allowed_slowly(part, [starts[t] for t in tasks])


def test_by_hand_both_schemes_keep_tasks_apart_that_need_too_much_together():
    assert serial(CHAIN_AND_TWO, [0, 1, 2, 3], 14) == [0, 0, 3, 4]  # 2 and 1 fit beside each other, 3 of 3
    assert parallel(CHAIN_AND_TWO, [1, 0, 0, 0], 14) == [0, 0, 3, 4]
    tight = make_project([3, 4, 2, 5], [[2], [2], [2], [1]], [3], [[2], [3], [], []])
    assert serial(tight, [0, 1, 2, 3], 14) == [0, 3, 7, 7]  # 0, then 1 at 3; then 2 has a lower number than 3
    assert serial(tight, [0, 2, 1, 3], 14) == [0, 5, 3, 9]
    assert makespan_ticks(tight, [0, 3, 7, 7]) == 12


def test_by_hand_downtime_release_and_pairs_delay_a_task():
    project = make_project([3, 2], [[1], [1]], [2], [[], []], [0, 1], None, [(0, 2, 4)], [(0, 1)])
    assert serial(project, [0, 1], 12) == [4, 7]  # 0 does not fit before the downtime, and 1 not beside it
    assert serial(project, [1, 0], 12) == [6, 4]
    assert list(breaches(project, [0, 0])) == [
        "task 0 uses resource 0 in [0, 3), which is down in [2, 4)",
        "task 1 starts at 0, it may start from 1 on",
        "tasks 0 and 1 exclude each other and both run at 0",
    ]


def test_every_breach_names_tick_tasks_and_amount():
    project = make_project([3, 4, 2], [[2], [2], [1]], [3], [[2], [], []], None, [-1, 3, 6])
    assert list(breaches(project, [0, 1, 2])) == [
        "task 2 starts at 2, before task 0 ends at 3",
        "t=1: resource 0 needs 4 of 3: tasks 0, 1",
        "task 1 ends at 5, its deadline is 3: 2 ticks late",
    ]


def test_intervals_are_half_open():
    project = make_project([2, 2], [[1], [1]], [1], [[], []], None, [2, 6], [(0, 4, 6)], [(0, 1)])
    assert list(breaches(project, [0, 2])) == []


def test_a_cycle_is_refused():
    with pytest.raises(ValueError, match="task 0 is its own successor"):
        topological(make_project([1, 1], [[0], [0]], [1], [[1], [0]]))


def test_both_schemes_agree_with_slow_ones_on_200_random_projects_and_break_no_rule():
    rng = random.Random(7)
    for number in range(200):
        project = small(rng, rng.randint(2, 6), constrained=number % 2 == 1)
        priority = [rng.choice((0, 1, 2.5, -1)) for _ in range(project.tasks)]
        horizon = horizon_ticks(project)
        assert serial(project, priority, horizon) == serial_slowly(project, priority)
        assert parallel(project, priority, horizon) == parallel_slowly(project, priority)
        starts = [rng.randint(0, 9) for _ in range(project.tasks)]
        assert (next(breaches(project, starts), None) is None) == allowed_slowly(project, starts)
        for scheme in SCHEMES.values():
            assert next(breaches(project, scheme(project, priority, horizon)), None) is None


def test_no_schedule_beats_the_optimum_and_no_optimum_the_bound():
    rng = random.Random(11)
    reached = 0
    for _ in range(60):
        project = small(rng, 5, constrained=False)
        horizon = horizon_ticks(project)
        orders = list(permutations(range(project.tasks)))
        best = min(makespan_ticks(project, serial(project, order, horizon)) for order in orders)
        # Some order of the serial scheme is optimal (Kolisch 1996): try all starts where they are few.
        assert critical_path_ticks(project) <= makespan_bound_ticks(project) <= best
        reached += makespan_bound_ticks(project) == best
        for _ in range(50):
            starts = [rng.randint(0, best) for _ in range(project.tasks)]
            if next(breaches(project, starts), None) is None:
                assert makespan_ticks(project, starts) >= best
    assert reached > 5


def test_the_solver_that_made_the_references_agrees_with_trying_all_orders():
    pytest.importorskip("ortools")
    from evaluators.rcpsp.reference import solved

    rng = random.Random(13)
    for _ in range(25):
        project = small(rng, 5, constrained=False)
        horizon = horizon_ticks(project)
        best = min(makespan_ticks(project, serial(project, o, horizon)) for o in permutations(range(project.tasks)))
        assert solved(project, serial(project, range(project.tasks), horizon)) == (best, True)
