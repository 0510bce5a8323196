"""pod_packing: what the verifier refuses, what a placement is worth, and that none beats optimum or bound."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

import evaluators.pod_packing as package
from evaluators.pod_packing import PodPacking
from evaluators.pod_packing.baselines import default, fgd, most_allocated, priority_best_fit, repair, repair_search
from evaluators.pod_packing.cluster import Cluster, Nodes, Pods, compared, disrupted, running, value, value_bound
from evaluators.pod_packing.placement import broken, checked
from evaluators.pod_packing.reference import solved
from evaluators.pod_packing.workload import Case
from evolve.evaluator import Infeasible, Split

FOLDER = Path(package.__file__).parent
PROGRAMS = (default, most_allocated, priority_best_fit, fgd, repair, repair_search)


def cluster(nodes, pods, moves=1):
    """nodes: (cpu, mem, gpu, labels) each; pods: (cpu, mem, gpu, priority, node_now, needs_labels, group) each."""
    node, pod = ([np.array(column) for column in zip(*rows, strict=True)] for rows in (nodes, pods))
    node[3], pod[5] = node[3].astype(np.uint64), pod[5].astype(np.uint64)
    return Cluster(Nodes(*node), Pods(*pod), moves)


SMALL = cluster(
    [(10, 10, 1000, 1), (10, 10, 0, 2)],
    [
        (4, 2, 0, 0, 0, 0, -1),
        (5, 2, 0, 0, 1, 2, -1),
        (3, 3, 500, 5, -1, 0, 7),
        (3, 3, 0, 5, -1, 0, 7),
        (4, 9, 600, 5, -1, 1, -1),
    ],
)
"""Two low pods run, three important ones are pending; the last fits on node 0 alone, if next to nothing is there."""


def answered(answer, one=SMALL):
    return PodPacking().evaluate(InProcess(f"def place(node, pod, moves): return {answer}"), Case("data/0", one))


def test_the_value_of_a_placement_is_that_which_a_hand_computes():
    """Weights 1/5 and 4/5; two low pods, three high ones; a disruption of one of the two that run costs 0.025."""
    assert SMALL.worth.tolist() == pytest.approx([0.1, 0.1, 4 / 15, 4 / 15, 4 / 15])
    placed = np.array([0, 1, 0, 1, -1])
    assert (running(SMALL, placed), disrupted(SMALL, placed)) == ([2, 2], 0)
    assert value(SMALL, placed) == pytest.approx(0.2 + 8 / 15)
    placed = np.array([1, -1, -1, -1, 0])
    assert (running(SMALL, placed), disrupted(SMALL, placed)) == ([1, 1], 2)
    assert value(SMALL, placed) == pytest.approx(0.1 + 4 / 15 - 0.05)
    outcome = answered([0, 1, 0, 1, -1])
    assert outcome.metrics["value"] == pytest.approx(0.2 + 8 / 15)
    assert outcome.metrics["running_share"] == 0.8
    assert "2 of 3 (" in outcome.feedback and "pod 4 (priority 5) does not run" in outcome.feedback
    assert "node 0 comes nearest and lacks 1 of 4 cpu_milli, 4 of 9 mem_mib, 100 of 600 gpu_milli" in outcome.feedback
    assert len(outcome.feedback) <= 500


def test_the_bound_is_the_fractional_knapsack_of_the_scarcest_resource():
    """Memory: 20 for 2 + 2 + 3 + 3 + 9; cpu: 20 for 19; GPU: 1000 for 500 + 600, of which 1000/1100... in part."""
    assert value_bound(SMALL) == pytest.approx(0.2 + 4 / 15 * (1 + 1 + 500 / 600))
    roomy = cluster([(100, 100, 9000, 3)], [(4, 2, 0, 0, 0, 0, -1), (200, 1, 0, 0, -1, 0, -1)])
    assert value_bound(roomy) == 0.5, "what no node can hold never runs"


def test_placements_are_compared_priority_by_priority_then_by_disruptions():
    high, low, moved = (np.array(one) for one in ([-1, 1, 0, 1, -1], [0, 1, 0, -1, -1], [1, 1, 0, -1, -1]))
    assert compared(SMALL, high, low) == 1 == -compared(SMALL, low, high)
    assert compared(SMALL, low, moved) == 1 and compared(SMALL, low, low) == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "NoneType"),
        ([0, 1, 0, 1], "a list of 4 where 5 belong"),
        ([0, 1, 0, 1, -1, -1], "a list of 6 where 5 belong"),
        ([0, 1, 0, 1, 2], r"the node of pod 4 is 2 \(int\), expected a whole number \(int\) in -1..1"),
        ([0, 1, 0, 1, -2], r"the node of pod 4 is -2 \(int\)"),
        ([0, 1, 0, True, -1], r"the node of pod 3 is True \(bool\)"),
        ([0, 1, 0.0, 1, -1], r"the node of pod 2 is 0.0 \(float\)"),
        ([0, 1, "0", 1, -1], r"the node of pod 2 is '0' \(str\)"),
        ([0, 1, 0, 1, 2**63], "the node of pod 4 is 9223372036854775808"),
        ([0, 1, -1, -1, 0], r"the 2 pods on node 0 request 11 mem_mib, it has 10 \(1 nodes are over\)"),
        ([-1, 1, 1, -1, -1], r"the 2 pods on node 1 request 500 gpu_milli, it has 0 "),
        ([0, 1, 0, 0, -1], "pods 2 and 3 of spread group 7 are both on node 0"),
        ([0, 0, -1, -1, -1], "pod 1 needs labels that node 0 does not have"),
        ([1, -1, -1, -1, -1], "2 running pods are stopped or moved, at most 1 may be"),
    ],
)
def test_what_breaks_a_rule_is_infeasible_and_named(answer, message):
    with pytest.raises(Infeasible, match=message):
        answered(repr(answer))


def test_integer_arrays_are_as_good_as_lists_and_no_others():
    wanted = np.array([0, 1, 0, 1, -1])
    assert checked(wanted.astype(np.int8), SMALL).tolist() == wanted.tolist()
    for wrong in (
        wanted * 1.0,
        wanted > 0,
        wanted[None],
        np.array([0, 1, 0, 1, 2**64 - 1], dtype=np.uint64),
        wanted - 1,
    ):
        with pytest.raises(Infeasible):
            checked(wrong, SMALL)


def random_cluster(rng, pods=(3, 6)):
    nodes = [
        (*rng.integers(8, 20, 2).tolist(), int(rng.integers(0, 3)) * 500, int(rng.integers(0, 4))) for _ in range(2)
    ]
    rows, free = [], np.array(nodes)[:, :3].copy()
    for _ in range(int(rng.integers(*pods))):
        need = [*rng.integers(2, 10, 2).tolist(), int(rng.choice([0, 0, 500]))]
        now, group, label = -1, int(rng.choice([-1, -1, 0])), int(rng.choice([0, 0, 1, 2]))
        node = int(rng.integers(2))
        alone = group < 0 or all(row[6] != group or row[4] != node for row in rows)
        if rng.random() < 0.7 and (free[node] >= need).all() and nodes[node][3] & label == label and alone:
            now = node
            free[node] -= need
        rows.append((*need, int(rng.integers(0, 3)), now, label, group))
    return cluster(nodes, rows, int(rng.integers(0, 3))), nodes, rows


def slowly(nodes, rows, moves, placed):
    """The value of a placement, pod by pod from the rules; None where one is broken."""
    for n, node in enumerate(nodes):
        there = [row for row, at in zip(rows, placed, strict=True) if at == n]
        if any(sum(row[k] for row in there) > node[k] for k in range(3)):
            return None
        if any(row[5] & ~node[3] for row in there):
            return None
        groups = [row[6] for row in there if row[6] >= 0]
        if len(groups) != len(set(groups)):
            return None
    gone = sum(row[4] >= 0 and row[4] != at for row, at in zip(rows, placed, strict=True))
    if gone > moves:
        return None
    tiers = sorted({row[3] for row in rows})
    total, before = 0.0, sum(row[4] >= 0 for row in rows)
    for rank, tier in enumerate(tiers):
        of = [at >= 0 for row, at in zip(rows, placed, strict=True) if row[3] == tier]
        total += 4**rank / sum(4**r for r in range(len(tiers))) * sum(of) / len(of)
    return total - (0.05 * gone / before if before else 0.0)


def test_it_agrees_with_a_slow_second_verifier_on_random_placements():
    rng, feasible = np.random.default_rng(2), 0
    for _ in range(200):
        one, nodes, rows = random_cluster(rng)
        placed = np.where(rng.random(len(rows)) < 0.6, one.pod.node_now, rng.integers(-1, 2, len(rows)))
        wanted = slowly(nodes, rows, one.moves_allowed, placed.tolist())
        try:
            found = value(one, checked(placed.tolist(), one))
        except Infeasible:
            found = None
        assert found == pytest.approx(wanted, abs=1e-12)
        feasible += found is not None
    assert 40 < feasible < 180


def test_no_placement_beats_the_bound_and_no_program_the_optimum_which_the_solver_finds():
    rng, gained = np.random.default_rng(4), 0
    for number in range(40):
        one, nodes, rows = random_cluster(rng)
        every = itertools.product((-1, 0, 1), repeat=len(rows))
        values = [slowly(nodes, rows, one.moves_allowed, placed) for placed in every]
        best = max(v for v in values if v is not None)
        assert best <= value_bound(one) + 1e-12
        if number < 10:
            assert solved(one, one.pod.node_now) == (pytest.approx(best, abs=1e-9), True)
        reached = []
        for program in PROGRAMS:
            placed = program.place(one.node, one.pod, one.moves_allowed)
            reached.append(value(one, checked(placed, one)))
        assert max(reached) <= best + 1e-12
        gained += reached[-1] > reached[0] + 1e-9
    assert gained > 3


def test_what_the_default_scheduler_likes_by_hand():
    """A pod of (2, 2) on nodes with (10, 10) of 10 and (4, 8) of 10 free: the emptier one; a full one preempts."""
    one = cluster([(10, 10, 0, 0)] * 2, [(6, 2, 0, 1, 1, 0, -1), (2, 2, 0, 1, -1, 0, -1)], 0)
    assert default.place(one.node, one.pod, 0).tolist() == [1, 0]
    assert most_allocated.place(one.node, one.pod, 0).tolist() == [1, 1]
    rows = [(5, 1, 0, 0, 0, 0, -1), (5, 1, 0, 1, 0, 0, -1), (9, 1, 0, 0, 1, 0, -1), (5, 1, 0, 2, -1, 0, -1)]
    one = cluster([(10, 10, 0, 0)] * 2, rows, 1)
    assert default.place(one.node, one.pod, 1).tolist() == [-1, 0, 1, 0], "one victim on each: that of node 0 is first"
    assert default.place(one.node, one.pod, 0).tolist() == [0, 0, 1, -1], "no disruptions are left"


def test_the_start_of_a_case_keeps_to_the_rules():
    for case in PodPacking().instances(Split.TRAIN):
        assert broken(case.cluster, case.cluster.pod.node_now) == ""
        pending = (case.cluster.pod.node_now < 0).mean()
        assert 0.03 < pending < 0.35
        assert 4 <= len(case.cluster.capacity) <= 20 and 16 <= len(case.cluster.request) <= 250


def test_the_example_of_the_statement_runs_and_gives_its_answer():
    (code,) = re.findall(r"```python\n(.*?)```", (FOLDER / "problem.md").read_text(), re.DOTALL)
    program = {}
    exec(code, program)
    node, pod = program["node"], program["pod"]
    one = Cluster(
        Nodes(node.cpu_milli, node.mem_mib, node.gpu_milli, node.labels),
        Pods(*(getattr(pod, name) for name in Pods.__struct_fields__)),
        program["moves_allowed"],
    )
    outcome = PodPacking().evaluate(InProcess(code), Case("data/0", one))
    assert program["place"](node, pod, 1) == program["answer"]
    assert outcome.metrics["value"] == pytest.approx(program["value"])
