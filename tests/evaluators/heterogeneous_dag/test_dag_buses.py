"""Kind contention: two PEs share one bus. By hand, against an obvious second implementation, against CP-SAT."""

from __future__ import annotations

import itertools
import random

import pytest
from in_process import InProcess
from small_dags import SOURCES, policy, random_placement, small_dag

from evaluators.heterogeneous_dag.dag import DagInstance, make_dag, makespan_bound_ticks
from evaluators.heterogeneous_dag.evaluator import DagOptions, HeterogeneousDag
from evaluators.heterogeneous_dag.figures import cost_of, figures_of, stored
from evaluators.heterogeneous_dag.placement import Transfer, scheduled
from evaluators.heterogeneous_dag.public_format import public_dags
from evolve.evaluator import Split

FORK = make_dag([[3, 9], [2, 9], [9, 4], [9, 5]], [(0, 2, 6), (1, 2, 2), (1, 3, 3)])


PROGRAM = """class Policy:
    def __init__(self, info): pass
    def place(self, dag): return [1, 0, 2, 3], [0, 0, 1, 1]"""


def tick_by_tick(dag, order, pe):
    """A second, slow, obvious implementation: try tick after tick until PE or bus is free for long enough."""
    start, end, on_bus = {}, {}, []
    for task in order:
        there = [0]
        for before, ticks in sorted(dag.predecessors[task], key=lambda arc: (end[arc[0]], arc[0])):
            pair, at = {pe[before], pe[task]}, end[before]
            if len(pair) == 2 and ticks:
                while any(other == pair and at < b and a < at + ticks for other, a, b in on_bus):
                    at += 1
                on_bus.append((pair, at, at + ticks))
            there.append(at + (ticks if len(pair) == 2 else 0))
        at, ticks = max(there), dag.work[task][pe[task]]
        same = [t for t in start if pe[t] == pe[task]]
        while not all(at >= end[t] or at + ticks <= start[t] for t in same):
            at += 1
        start[task], end[task] = at, at + ticks
    return [start[t] for t in range(dag.tasks)], [end[t] for t in range(dag.tasks)]


def test_a_schedule_by_hand():
    """Task 1's data go first, being there first: [2, 4). Task 0's end at 5 and take the bus in [5, 11), so task 3's
    three ticks, which would fit from 2 on, come after them: [11, 14).
    """
    schedule = scheduled(FORK, [1, 0, 2, 3], [0, 0, 1, 1], contention=True)
    assert schedule.end[:2] == [5, 2]
    assert schedule.transfers == [Transfer(1, 2, 2, 4), Transfer(0, 2, 5, 11), Transfer(1, 3, 11, 14)]
    assert (schedule.start[2:], schedule.makespan_ticks) == ([11, 15], 20)
    first = scheduled(FORK, [1, 3, 0, 2], [0, 0, 1, 1], contention=True)
    assert first.transfers == [Transfer(1, 3, 2, 5), Transfer(1, 2, 5, 7), Transfer(0, 2, 7, 13)]
    assert (first.start[2:], first.makespan_ticks) == ([13, 5], 17), "the order says who has the bus"
    assert scheduled(FORK, [1, 0, 2, 3], [0, 0, 1, 1]).makespan_ticks == 15, "each with a link of its own"


def test_a_small_transfer_takes_a_gap_of_the_bus_and_other_pairs_have_a_bus_of_their_own():
    dag = make_dag(
        [[2, 9, 9], [9, 1, 9], [4, 9, 9], [9, 1, 9], [9, 9, 1]], [(0, 1, 2), (2, 3, 5), (0, 3, 1), (0, 4, 9)]
    )
    schedule = scheduled(dag, [0, 2, 3, 1, 4], [0, 1, 0, 1, 2], contention=True)
    assert schedule.transfers == [
        Transfer(0, 3, 2, 3),
        Transfer(2, 3, 6, 11),
        Transfer(0, 1, 3, 5),
        Transfer(0, 4, 2, 11),
    ]


def test_200_random_placements_are_as_the_obvious_implementation_says():
    rng, waits = random.Random(1), 0
    for _ in range(200):
        dag = small_dag(rng, 8)
        order, pe = random_placement(rng, dag)
        schedule = scheduled(dag, order, pe, contention=True)
        assert (schedule.start, schedule.end) == tick_by_tick(dag, order, pe)
        waits += any(one.start > schedule.end[one.before] for one in schedule.transfers)
    assert waits > 50


def test_no_program_is_below_what_the_solver_proves_and_the_verifier_reaches_it_nearly_always():
    """Transfers may be sent in an order that no list of tasks stands for; of 25 graphs at most a few have one."""
    pytest.importorskip("ortools")
    from evaluators.heterogeneous_dag.reference import optimum

    rng, reached = random.Random(4), 0
    for _ in range(25):
        dag = small_dag(rng, 4, least_ticks=1)
        orders = [
            order
            for order in itertools.permutations(range(dag.tasks))
            if all(order.index(b) < order.index(t) for t in range(dag.tasks) for b, _ in dag.predecessors[t])
        ]
        able = [[k for k, ticks in enumerate(row) if ticks >= 0] for row in dag.work]
        best = min(
            scheduled(dag, order, pe, contention=True).makespan_ticks
            for order in orders
            for pe in itertools.product(*able)
        )
        proved = optimum(dag, best, contention=True)
        assert max(makespan_bound_ticks(dag), optimum(dag, best)) <= proved <= best
        reached += proved == best
    assert reached >= 23


def test_booking_the_buses_beats_heft_where_they_are_busy_and_is_heft_where_there_are_none():
    evaluator = HeterogeneousDag(DagOptions(kind="contention"))
    found = dict.fromkeys(("heft", "heft_buses", "met", "fifo_round_robin"), 0.0)
    for one in evaluator.instances(Split.TRAIN):
        for name in found:
            found[name] += cost_of(_Module(name), one) / figures_of(one).reference
    assert found["heft_buses"] < found["heft"] < found["met"] < found["fifo_round_robin"]
    free = public_dags()[0].dag
    plans = [policy(name, "static", free.pes).place(free) for name in ("heft", "heft_buses")]
    assert scheduled(free, *plans[0]).makespan_ticks == scheduled(free, *plans[1]).makespan_ticks == 80


class _Module:
    """A baseline, as a module with a `Policy`."""

    def __init__(self, name):
        scope = {}
        exec(SOURCES[name], scope)
        self.Policy = scope["Policy"]


def test_the_public_graphs_are_there_and_the_buses_make_them_longer():
    free, busy = public_dags(), public_dags("contention")
    assert [one.dag for one in free] == [one.dag for one in busy]
    assert not {one.id for one in free} & {one.id for one in busy}
    pairs = [(stored().figures[a.id], stored("contention").figures[b.id]) for a, b in zip(free, busy, strict=True)]
    assert all(a.reference <= b.reference for a, b in pairs)
    assert all(b.proved for _, b in pairs)


def test_feedback_says_how_long_data_wait_for_buses():
    case = DagInstance("data/0", lambda: FORK, "contention")
    outcome = HeterogeneousDag(DagOptions(kind="contention")).evaluate(InProcess(PROGRAM), case)
    assert outcome.metrics["makespan_ticks"] == 20
    assert outcome.feedback.startswith("contention, 4 tasks on 2 PEs end at 20 (")
    assert "3 transfers wait 9 ticks for busy buses in all" in outcome.feedback
    gantt = HeterogeneousDag(DagOptions(kind="contention")).picture(InProcess(PROGRAM), case).panels[0]
    assert [(one.start, one.end) for one in gantt.lanes[-1].intervals] == [(2, 4), (5, 11), (11, 14)]
