"""vm_rescheduling: what the verifier refuses, what it counts, and that no plan beats the bound."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

import evaluators.vm_rescheduling as package
from evaluators.vm_rescheduling import VmRescheduling
from evaluators.vm_rescheduling.cluster import BOTH, Cluster, PMs, VMs, fragments, least_fragments, most_gain, rate_64
from evaluators.vm_rescheduling.evaluator import VmReschedulingOptions
from evaluators.vm_rescheduling.migration import State, aged, carried_out, checked_moves
from evaluators.vm_rescheduling.workload import Case
from evolve.evaluator import Infeasible, Split

FOLDER = Path(package.__file__).parent


def cluster(nodes, vms, limit=3, memory=1000):
    """nodes: (P, 2) vCPU in total; vms: (cpu, mem_mb, pm, numa, group, movable) each. What is free follows."""
    total = np.array(nodes)
    free, mem = total.copy(), np.full(total.shape, memory)
    for cpu, mb, pm, numa, *_ in vms:
        for node in (0, 1) if numa == BOTH else (numa,):
            free[pm, node] -= cpu // (2 if numa == BOTH else 1)
            mem[pm, node] -= mb // (2 if numa == BOTH else 1)
    assert free.min() >= 0 and mem.min() >= 0
    columns = [np.array(column) for column in zip(*vms, strict=True)]
    return Cluster(PMs(free, mem, total, np.full(total.shape, memory)), VMs(*columns), limit)


SMALL = cluster(
    [(40, 40), (40, 40), (48, 48)],
    [
        (12, 100, 0, 0, -1, True),
        (30, 100, 0, 1, 7, True),
        (20, 900, 1, 0, 7, True),
        (8, 101, 1, 1, -1, False),
        (24, 200, 2, BOTH, -1, True),
    ],
)
"""Free: (28, 10), (20, 32), (36, 36)."""


def answered(answer, one=SMALL, **options):
    evaluator = VmRescheduling(VmReschedulingOptions(**options))
    return evaluator.evaluate(InProcess(f"def reschedule(pm, vm, limit): return {answer}"), Case("data/0", one))


def test_fragments_and_the_bound_of_a_hand_computed_case():
    """Free 162 = 28 + 10 + 20 + 32 + 36 + 36, blocks 1 + 0 + 1 + 2 + 2 + 2 = 8; 12, 30, 20 gain 1 each, 24 gains 2."""
    assert int(SMALL.pm.cpu_free.sum()) == 162
    assert fragments(SMALL.pm.cpu_free) == 162 - 8 * 16 == 12 + 10 + 4 + 0 + 4 + 4
    assert [most_gain(SMALL.vm, limit) for limit in range(5)] == [0, 2, 3, 4, 5]
    assert least_fragments(SMALL) == 162 - 16 * min(10, 8 + 4) == 2
    assert rate_64(np.array([[40, 33], [64, 31], [70, 64]])) == 1 - 64 * (1 + 0 + 2) / 302


def test_the_figures_of_a_plan_are_those_that_a_hand_computes():
    """VM 0 (12) from host 0 node 0 (28 -> 40) to host 1 node 0 (20 -> 8): 1 block more, 1 less; then 30 into 40."""
    outcome = answered([(0, 1, 0)])
    assert outcome.metrics["fr16_share"] == (8 + 10 + 8 + 0 + 4 + 4) / 162
    assert outcome.metrics["fr16_before_share"] == 34 / 162
    assert outcome.score == 0.0 and outcome.metrics["moves"] == 1
    outcome = answered([(0, 1, 0), (1, 0, 0)])
    assert outcome.metrics["fr16_share"] == (10 + 8 + 8 + 0 + 4 + 4) / 162, "node 1 of host 0 is empty: 40 free"
    assert answered([]).score == 0.0
    assert "1 moves gained nothing at once" in answered([(0, 1, 0)]).feedback


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "the answer is NoneType, expected a list of moves"),
        ([(0, 1)], r"move 0 is \[0, 1\], expected three whole numbers"),
        ([(0, 1, 0)] * 4, "the plan has 4 moves, at most 3 are allowed"),
        ([(5, 0, 0)], r"the vm of move 0 is 5 \(int\), expected a whole number \(int\) in 0..4"),
        ([(0, 3, 0)], r"the pm of move 0 is 3 \(int\), expected a whole number \(int\) in 0..2"),
        ([(0, -1, 0)], "the pm of move 0 is -1"),
        ([(0, 1, 3)], r"the numa of move 0 is 3 \(int\), expected a whole number \(int\) in -1..2"),
        ([(0, True, 0)], r"the pm of move 0 is True \(bool\)"),
        ([(0.0, 1, 0)], r"the vm of move 0 is 0.0 \(float\)"),
        ([(0, 1, float("inf"))], r"the numa of move 0 is inf \(float\)"),
        ([(2**80, 1, 0)], "the vm of move 0 is 12089258196146291747061"),
        ([(0, 0, 1)], "VM 0 needs 12 vCPU on host 0, node 1, which has 10 free"),
        ([(2, 2, 0), (1, 2, 1)], "VM 1 and VM 2 of group 7 would both be on host 2"),
        ([(2, 0, 0)], "VM 2 and VM 1 of group 7 would both be on host 0"),
        ([(2, 1, 1)], "move 0 is not possible: VM 2 needs 900 MB on host 1, node 1, which has 899 free"),
        ([(3, 0, 0)], "VM 3 is not movable"),
        ([(0, 0, 0)], "VM 0 is on host 0, node 0 already"),
        ([(4, 2, 2)], "VM 4 is on host 2, node 2 already"),
        ([(4, 1, 0)], "VM 4 takes both nodes, 2; its node is 0"),
        ([(0, 1, 2)], "VM 0 takes one node, 0 or 1; its node is 2"),
        ([(4, 0, 2)], "VM 4 needs 12 vCPU on host 0, node 1, which has 10 free"),
    ],
)
def test_what_breaks_a_rule_is_infeasible_and_named(answer, message):
    source = repr(answer).replace("inf", "float('inf')")
    with pytest.raises(Infeasible, match=message):
        answered(source)


def test_a_vm_needs_room_before_its_own_place_is_free_and_order_matters():
    """Two VMs that would change places cannot; by way of a third node they can, in one order only."""
    one = cluster([(16, 16), (16, 16)], [(10, 0, 0, 0, -1, True), (12, 0, 0, 1, -1, True), (9, 0, 1, 0, -1, True)])
    with pytest.raises(Infeasible, match="VM 0 needs 10 vCPU on host 0, node 1, which has 4 free"):
        answered([(0, 0, 1), (1, 0, 0)], one)
    with pytest.raises(Infeasible, match="move 1 is not possible: VM 1"):
        answered([(0, 1, 1), (1, 1, 0), (0, 0, 1)], one)
    assert answered([(0, 1, 1), (1, 0, 0), (0, 0, 1)], one).metrics["moves"] == 3
    assert answered([(0, 1, 1), (0, 0, 0)], one).score == 0, "out and back is two moves, and nothing gained"


def test_minus_one_takes_the_node_on_which_fewer_fragments_remain():
    """12 into (28, 10) of host 0 or (20, 32) of host 1: 20 -> 8 has 4 more, 32 -> 20 has 4 more: node 0 of the two."""
    state, _ = carried_out([(0, 1, -1)], SMALL)
    assert (state.pm[0], state.numa[0]) == (1, 0)
    state, _ = carried_out([(4, 1, -1)], SMALL)
    assert (state.pm[4], state.numa[4]) == (1, BOTH)
    one = cluster([(16, 16), (23, 20)], [(4, 0, 0, 0, -1, True)])
    state, _ = carried_out([(0, 1, -1)], one)  # 23 -> 19 and 20 -> 16: 4 fewer each; node 0
    assert state.numa[0] == 0
    one = cluster([(16, 16), (19, 20)], [(4, 0, 0, 0, -1, True)])
    state, _ = carried_out([(0, 1, -1)], one)  # 19 -> 15: 12 more; 20 -> 16: 4 fewer
    assert state.numa[0] == 1
    state, _ = carried_out([(0, 0, -1)], one)
    assert (state.pm[0], state.numa[0]) == (0, 1), "inside its own host it can go to the other node alone"


def test_integer_arrays_are_as_good_as_lists():
    assert checked_moves(np.array([[0, 1, 0]], dtype=np.int16), SMALL) == [(0, 1, 0)]
    assert checked_moves([np.array([0, 1, 0])], SMALL) == [(0, 1, 0)]
    for wrong in (np.array([[0.0, 1, 0]]), np.array([[True, True, False]]), np.array([0, 1, 0])):
        with pytest.raises(Infeasible):
            checked_moves(wrong if wrong.ndim == 1 else [wrong[0]], SMALL)


def random_cluster(rng):
    nodes = rng.integers(20, 50, (int(rng.integers(2, 5)), 2))
    free, mem, vms = nodes.copy(), np.full(nodes.shape, 60), []
    for _ in range(int(rng.integers(3, 9))):
        cpu, mb, pm, numa = (int(rng.integers(*span)) for span in ((1, 13), (0, 20), (0, len(nodes)), (0, 3)))
        if numa == BOTH:
            cpu, mb = cpu // 2 * 2 + 2, mb // 2 * 2
        group = int(rng.integers(-1, 2))
        if any(g == group >= 0 and p == pm for _, _, p, _, g, _ in vms):
            group = -1
        at, part = (slice(None), 2) if numa == BOTH else (numa, 1)
        if (free[pm, at] >= cpu // part).all() and (mem[pm, at] >= mb // part).all():
            free[pm, at] -= cpu // part
            mem[pm, at] -= mb // part
            vms.append((cpu, mb, pm, numa, group, bool(rng.random() < 0.9)))
    return cluster(nodes, vms or [(1, 0, 0, 0, -1, True)], limit=6, memory=60), vms or [(1, 0, 0, 0, -1, True)]


def slowly(one, vms, moves):
    """Fragments after a plan, from the totals and all VMs anew after each move; None where a rule is broken."""
    places = [list(vm) for vm in vms]

    def used(mem):
        held = np.zeros(one.pm.cpu_total.shape, dtype=int)
        for vm in places:
            for node in range(2):
                if vm[3] in (node, BOTH):
                    held[vm[2]][node] += vm[mem] // 2 if vm[3] == BOTH else vm[mem]
        return held

    for i, pm, numa in moves:
        vm = places[i]
        if not vm[5] or (vm[3] == BOTH) != (numa == BOTH) or [vm[2], vm[3]] == [pm, numa]:
            return None
        for mem, total in ((0, one.pm.cpu_total), (1, one.pm.mem_total)):
            before = used(mem)
            for node in range(2):
                if numa in (node, BOTH):
                    need = vm[mem] // 2 if numa == BOTH else vm[mem]
                    if total[pm][node] - before[pm][node] < need:
                        return None
        if vm[4] >= 0 and any(other is not vm and other[4] == vm[4] and other[2] == pm for other in places):
            return None
        vm[2], vm[3] = pm, numa
    free = one.pm.cpu_total - used(0)
    return sum(int(x) % 16 for row in free for x in row)


def test_it_agrees_with_a_slow_second_verifier_on_random_plans():
    rng = np.random.default_rng(3)
    possible = 0
    for _ in range(200):
        one, vms = random_cluster(rng)
        assert one.pm.cpu_free.tolist() == (one.pm.cpu_total - 0 - used_of(one, vms)).tolist()
        moves = []
        for _ in range(int(rng.integers(1, 7))):
            i = int(rng.integers(len(vms)))
            numa = BOTH if vms[i][3] == BOTH else int(rng.integers(2))
            moves.append((i, int(rng.integers(len(one.pm.cpu_free))), numa))
        moves = [move for k, move in enumerate(moves) if slowly(one, vms, moves[: k + 1]) is not None or k == 5]
        wanted = slowly(one, vms, moves)
        try:
            state, gained = carried_out(moves, one)
        except Infeasible:
            assert wanted is None
            continue
        assert fragments(np.array(state.cpu)) == wanted
        assert fragments(one.pm.cpu_free) - 16 * sum(gained) == wanted
        assert wanted >= least_fragments(one)
        possible += bool(moves)
    assert possible > 60


def used_of(one, vms):
    held = np.zeros(one.pm.cpu_total.shape, dtype=int)
    for cpu, _, pm, numa, *_ in vms:
        held[pm, [0, 1] if numa == BOTH else [numa]] += cpu // (2 if numa == BOTH else 1)
    return held


def test_no_plan_of_two_moves_beats_the_bound():
    rng = np.random.default_rng(8)
    better = 0
    for _ in range(25):
        one, vms = random_cluster(rng)
        one = Cluster(one.pm, one.vm, 2)
        least = fragments(one.pm.cpu_free)
        every = [(i, p, n) for i in range(len(vms)) for p in range(len(one.pm.cpu_free)) for n in range(3)]
        for plan in itertools.chain(((a,) for a in every), itertools.product(every, every) if len(vms) < 5 else ()):
            state, _ = carried_out(plan, one, skips=True)
            least = min(least, fragments(np.array(state.cpu)))
        assert least >= least_fragments(one)
        better += least < fragments(one.pm.cpu_free)
    assert better > 5


def test_nothing_free_is_a_rate_of_zero_and_no_score():
    full = cluster([(16, 16)], [(16, 0, 0, 0, -1, True), (16, 0, 0, 1, -1, True)])
    outcome = answered([], full)
    assert outcome.score is None and outcome.metrics["fr16_share"] == 0.0


def test_a_stale_plan_is_carried_out_on_what_has_become_of_the_cluster():
    evaluator = VmRescheduling(VmReschedulingOptions(stale=40))
    case = VmRescheduling().instances(Split.TRAIN)[0]
    old, new = case.cluster, aged(case.cluster, case.id, 40)
    assert new == aged(case.cluster, case.id, 40) and new != old
    gone = old.vm.movable & ~new.vm.movable
    assert 5 < gone.sum() < 35 and (new.vm.cpu[gone] == 0).all()
    assert (new.pm.cpu_free >= 0).all() and (new.pm.mem_free >= 0).all()
    assert old.pm.cpu_free.sum() + old.vm.cpu[gone].sum() >= new.pm.cpu_free.sum()
    left = int(np.flatnonzero(gone)[0])
    node = BOTH if old.vm.numa[left] == BOTH else -1
    outcome = evaluator.evaluate(InProcess(f"def reschedule(pm, vm, limit): return [({left}, 0, {node})]"), case)
    assert outcome.score == 0.0 and outcome.metrics["moves"] == 0
    assert "1 moves no longer fitted and were skipped" in outcome.feedback
    with pytest.raises(Infeasible, match="the plan has"):
        evaluator.evaluate(InProcess("def reschedule(pm, vm, limit): return [(0, 0, 0)] * (limit + 1)"), case)


def test_the_move_that_the_feedback_names_gains_a_block():
    case = VmRescheduling().instances(Split.TRAIN)[0]
    said = VmRescheduling().evaluate(InProcess("def reschedule(pm, vm, limit): return []"), case).feedback
    vm, pm, node = map(int, re.search(r"VM (\d+) \(\d+ vCPU\) to host (\d+), node (\d) would gain", said).groups())
    assert State(case.cluster).move(vm, pm, node) == 1
    assert len(said) <= 500 and "reference" in said


def test_the_example_of_the_statement_runs_and_gives_its_answer():
    (code,) = re.findall(r"```python\n(.*?)```", (FOLDER / "problem.md").read_text(), re.DOTALL)
    program = {}
    exec(code, program)
    pm, vm = program["pm"], program["vm"]
    one = Cluster(
        PMs(pm.cpu_free, pm.mem_free, pm.cpu_total, pm.mem_total),
        VMs(vm.cpu, vm.mem_mb, vm.pm, vm.numa, vm.group, vm.movable),
        program["limit"],
    )
    outcome = VmRescheduling().evaluate(InProcess(code), Case("data/0", one))
    assert program["reschedule"](pm, vm, program["limit"]) == program["answer"]
    assert outcome.metrics["fr16_share"] * 39 == pytest.approx(program["fragments_vcpu"])
    assert outcome.score == 100, "the bound can be reached"
