"""Kind static: schedules by hand and by an obvious second implementation, optima that nothing beats, HEFT's example."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from small_dags import SOURCES, policy, random_placement, small_dag

from evaluators.heterogeneous_dag.dag import critical_path_ticks, make_dag, makespan_bound_ticks, upward_ranks
from evaluators.heterogeneous_dag.figures import stored
from evaluators.heterogeneous_dag.placement import read_placement, scheduled
from evaluators.heterogeneous_dag.public_format import public_dags
from evaluators.heterogeneous_dag.workload import Recipe, random_dag

EXAMPLE = public_dags()[0].dag


def placed(name, dag):
    """The schedule of a baseline."""
    return scheduled(dag, *read_placement(list(policy(name, "static", dag.pes).place(dag)), dag))


def tick_by_tick(dag, order, pe):
    """A second, slow, obvious implementation: try start after start until nothing is in the way."""
    start, end = {}, {}
    for task in order:
        ticks = dag.work[task][pe[task]]
        for at in itertools.count():
            inputs = all(
                at >= end[before] + (transfer if pe[before] != pe[task] else 0)
                for before, transfer in dag.predecessors[task]
            )
            others = [(start[t], end[t]) for t in start if pe[t] == pe[task]]
            # a task without work may not start inside of another
            free = all(at >= b or at + ticks <= a for a, b in others)
            if inputs and free:
                break
        start[task], end[task] = at, at + ticks
    return [start[t] for t in range(dag.tasks)], [end[t] for t in range(dag.tasks)]


def best_of_all(dag):
    """The optimum: every order and every PE for every task."""
    able = [[k for k, ticks in enumerate(row) if ticks >= 0] for row in dag.work]
    orders = [
        order
        for order in itertools.permutations(range(dag.tasks))
        if all(order.index(b) < order.index(t) for t in range(dag.tasks) for b, _ in dag.predecessors[t])
    ]
    return min(scheduled(dag, o, pe).makespan_ticks for o in orders for pe in itertools.product(*able))


def test_a_schedule_by_hand():
    """Task 0 on PE 0 in [0, 3); its data are on PE 1 at 3 + 2; task 3 needs task 2's data, there at 10 + 4."""
    dag = make_dag([[3, 6], [4, 9], [8, 5], [2, -1]], [(0, 1, 2), (0, 2, 2), (1, 3, 1), (2, 3, 4)])
    schedule = scheduled(dag, [0, 1, 2, 3], [0, 0, 1, 0])
    assert (schedule.start, schedule.end) == ([0, 3, 5, 14], [3, 7, 10, 16])
    assert upward_ranks(dag) == [4.5 + 2 + 6.5 + 4 + 2, 6.5 + 1 + 2, 6.5 + 4 + 2, 2]
    assert critical_path_ticks(dag) == 3 + 5 + 2
    assert makespan_bound_ticks(dag) == 10


def test_a_later_task_is_put_into_a_gap_that_is_long_enough():
    dag = make_dag([[2, 9], [9, 1], [3, 9], [4, 9]], [(1, 0, 4)])
    assert scheduled(dag, [1, 0, 2, 3], [0, 1, 0, 0]).start == [5, 0, 0, 7]
    assert scheduled(dag, [1, 0, 3, 2], [0, 1, 0, 0]).start == [5, 0, 7, 0]


def test_200_random_placements_are_as_the_obvious_implementation_says():
    rng = random.Random(1)
    for _ in range(200):
        dag = small_dag(rng, 8)
        order, pe = random_placement(rng, dag)
        schedule = scheduled(dag, order, pe)
        assert (schedule.start, schedule.end) == tick_by_tick(dag, order, pe)
        assert makespan_bound_ticks(dag) <= schedule.makespan_ticks


def test_no_program_beats_the_optimum_and_the_bound_is_one():
    rng = random.Random(2)
    hit = 0
    for _ in range(30):
        dag = small_dag(rng, 4)
        best = best_of_all(dag)
        assert makespan_bound_ticks(dag) <= best
        found = {name: placed(name, dag).makespan_ticks for name in SOURCES if name != "refined"}
        assert min(found.values()) >= best
        hit += found["heft"] == best
    assert hit > 15


def test_the_solver_finds_the_optimum_of_all_orders_and_pes():
    pytest.importorskip("ortools")
    from evaluators.heterogeneous_dag.reference import optimum

    rng = random.Random(3)
    for _ in range(6):
        dag = small_dag(rng, 5, least_ticks=1)
        assert optimum(dag, placed("fifo_round_robin", dag).makespan_ticks) == best_of_all(dag)


@pytest.mark.parametrize(("name", "ticks"), [("heft", 80), ("cpop", 86), ("peft", 85), ("min_min_etf", 76)])
def test_hefts_example_ends_when_the_papers_say(name, ticks):
    """HEFT 80 and CPOP 86: Topcuoglu et al. 2002, figure 2; PEFT 85 and min-min 76 were measured for us before."""
    assert placed(name, EXAMPLE).makespan_ticks == ticks


def test_the_ranks_of_hefts_example_are_those_of_its_table():
    ranks = [108.000, 77.000, 80.000, 80.000, 69.000, 63.333, 42.667, 35.667, 44.333, 14.667]
    assert np.round(upward_ranks(EXAMPLE), 3).tolist() == ranks


def test_the_optimum_of_hefts_example_is_73_and_the_reference_program_finds_it():
    pytest.importorskip("ortools")
    from evaluators.heterogeneous_dag.reference import optimum

    assert optimum(EXAMPLE, 80) == 73
    assert placed("refined", EXAMPLE).makespan_ticks == 73
    kept = [stored().figures[one.id] for one in public_dags()]
    assert kept[0].reference == 73
    assert all(figures.proved for figures in kept)


def test_no_baseline_beats_the_optimum_of_a_public_graph():
    assert len(public_dags()) == 10
    for one in public_dags():
        for name in SOURCES:
            if name != "refined" or one.id.endswith("Top2"):
                assert placed(name, one.dag).makespan_ticks >= stored().figures[one.id].reference


@pytest.mark.parametrize("ccr", [0.1, 1.0, 5.0])
def test_the_published_order_of_the_heuristics_holds_on_random_graphs(ccr):
    """HEFT and PEFT, then min-min, EFT and CPOP, then MET, then round robin; HEFT near 1.2 bounds at CCR 0.1."""
    slr = dict.fromkeys(SOURCES, 0.0)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        dag = random_dag(rng, Recipe("layered", (100, 100), ccr=(ccr, ccr)), int(rng.integers(3, 9)))
        for name in slr:
            if name != "refined":
                slr[name] += placed(name, dag).makespan_ticks / makespan_bound_ticks(dag) / 4
    middle = [slr[name] for name in ("min_min_etf", "eft_fifo", "cpop")]
    assert max(slr["heft"], slr["peft"]) < 1.02 * min(middle)
    assert max(middle) < slr["met"] < slr["fifo_round_robin"]
    assert abs(slr["heft"] / slr["peft"] - 1) < 0.06
    if ccr == 0.1:
        assert 1.15 < slr["heft"] < 1.3


def as_in_the_paper(rng, tasks, ccr, pes):
    """A random graph by the parameters of Topcuoglu et al. 2002, section 5.1, with arcs to the next two layers.

    Layers have from one task to twice sqrt(tasks) * alpha, evenly; a task has one to five successors.
    """
    alpha, beta = rng.uniform(0.5, 2), rng.uniform(0.25, 1.5)
    layers, count = [], 0
    while count < tasks:
        width = min(tasks - count, max(1, int(rng.integers(1, 2 * np.sqrt(tasks) * alpha + 1))))
        layers.append(list(range(count, count + width)))
        count += width
    arcs = set()
    for k, layer in enumerate(layers[:-1]):
        near = [task for later in layers[k + 1 : k + 3] for task in later]
        for task in layer:
            found = rng.choice(near, min(int(rng.integers(1, 6)), len(near)), replace=False).tolist()
            arcs |= {(task, other) for other in found}
    followers = {other for _, other in arcs}
    for above, layer in itertools.pairwise(layers):
        arcs |= {(int(rng.choice(above)), task) for task in layer if task not in followers}
    means = rng.uniform(0, 2000, tasks)
    work = np.maximum(1, np.rint(means[:, None] * rng.uniform(1 - beta / 2, 1 + beta / 2, (tasks, pes))))
    return make_dag(
        work.astype(int).tolist(), [(one, other, round(rng.uniform(0, 2000 * ccr))) for one, other in sorted(arcs)]
    )


MEASURED = {
    "heft": (1.21, 2.03, 5.18), "peft": (1.25, 1.97, 5.28), "cpop": (1.61, 2.26, 5.57),
    "min_min_etf": (1.41, 2.16, 5.36), "eft_fifo": (1.31, 2.23, 5.95),
    "met": (1.72, 2.95, 10.2), "fifo_round_robin": (2.71, 3.85, 10.8),
}  # fmt: skip
"""Makespan over the bound at CCR 0.1, 1 and 5, mean of 12 graphs of 100 tasks."""


@pytest.mark.slow
def test_makespans_over_the_bound_are_those_that_were_measured():
    """The four that choose their order within 7 %, PEFT and min-min within 2; the others hang on the tasks' numbers.

    Our own layered graphs have arcs to all later layers and 3 to 8 PEs: there, less data are in the way (HEFT 1.56 and
    3.37 at CCR 1 and 5).
    """
    for column, ccr in enumerate((0.1, 1.0, 5.0)):
        found = dict.fromkeys(MEASURED, 0.0)
        for seed in range(12):
            rng = np.random.default_rng(seed)
            dag = as_in_the_paper(rng, 100, ccr, int(rng.integers(3, 17)))
            for name in MEASURED:
                found[name] += placed(name, dag).makespan_ticks / makespan_bound_ticks(dag) / 12
        for name, slr in MEASURED.items():
            near = 0.03 if name in ("peft", "min_min_etf") else 0.08 if name in ("heft", "cpop") else 0.2
            assert found[name] == pytest.approx(slr[column], rel=near), (name, ccr)


def test_hostile_graphs_are_placed():
    """A chain, a fork and join of width 1,000, one PE, tasks without work, parts that do not hang together."""
    chain = make_dag([[2, 3]] * 50, [(k, k + 1, 5) for k in range(49)])
    assert placed("heft", chain).makespan_ticks == 100
    fork = make_dag(
        [[0, 0]] + [[1, 1]] * 1000 + [[0, 0]],
        [(0, k, 0) for k in range(1, 1001)] + [(k, 1001, 0) for k in range(1, 1001)],
    )
    assert scheduled(fork, range(1002), [k % 2 for k in range(1002)]).makespan_ticks == 500
    alone = make_dag([[3], [0], [4], [0]], [(0, 1, 9), (2, 3, 9)])
    for name in SOURCES:
        assert placed(name, alone).makespan_ticks == 7, name
