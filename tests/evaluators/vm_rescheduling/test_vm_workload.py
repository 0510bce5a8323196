"""vm_rescheduling: the generator meets its calibration, the baselines their order, and files come back as they were."""

from __future__ import annotations

import json

import numpy as np
import pytest
from in_process import InProcess

from evaluators.vm_rescheduling import VmRescheduling
from evaluators.vm_rescheduling.baselines import filter_score
from evaluators.vm_rescheduling.cluster import BOTH, Cluster, fragments, least_fragments, rate
from evaluators.vm_rescheduling.evaluator import VmReschedulingOptions
from evaluators.vm_rescheduling.figures import figures_of, stored, worth_drawing
from evaluators.vm_rescheduling.migration import carried_out
from evaluators.vm_rescheduling.public_format import read_clusters, written
from evaluators.vm_rescheduling.workload import Draw, Recipe, drawn
from evolve.evaluator import Split, UsageError
from evolve.registry import load_problem

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
MEDIUM = Recipe((279, 279), load=(0.907, 0.907))


def mean_score(source, split):
    evaluator = VmRescheduling()
    return np.mean([evaluator.evaluate(InProcess(source), case).score for case in evaluator.instances(split)])


@pytest.fixture(scope="module")
def medium():
    return [drawn(Draw(f"medium/{number}", MEDIUM, 0)) for number in range(5)]


def test_the_generator_meets_the_published_medium_set_within_a_tenth(medium):
    """V 1,940, F 2,270, FR0 .535, bound .182, filter and score .390 at 25 moves and .380 at 50, where it stops early.

    Means of five draws: single ones differ by that much. The bound hangs on FR0, 50 blocks below which it is: .353.
    The published heuristic: .40 and .387.
    """
    found = []
    for one in medium:
        free = int(one.pm.cpu_free.sum())
        row = [one.vm.cpu.size, free, rate(fragments(one.pm.cpu_free), free)]
        row.append(row[2] - rate(least_fragments(Cluster(one.pm, one.vm, 50)), free))
        for limit in (25, 50):
            moves = filter_score.reschedule(one.pm, one.vm, limit)
            state, _ = carried_out(moves, Cluster(one.pm, one.vm, limit))
            row.append(rate(fragments(np.array(state.cpu)), free))
        assert len(moves) < 40, "no move that gains is left long before the limit"
        found.append(row)
    assert np.mean(found, axis=0) == pytest.approx([1940, 2270, 0.535, 0.353, 0.390, 0.380], rel=0.1)


def test_every_drawn_cluster_keeps_its_own_rules(medium):
    cases = [case.cluster for split in OWN for case in VmRescheduling().instances(split)[::3]]
    for one in [*cases, medium[0]]:
        used = np.zeros_like(one.pm.cpu_free), np.zeros_like(one.pm.cpu_free)
        for node in (0, 1):
            for column, need in zip(used, (one.vm.cpu, one.vm.mem_mb), strict=True):
                there = np.where(one.vm.numa == BOTH, need // 2, np.where(one.vm.numa == node, need, 0))
                np.add.at(column[:, node], one.vm.pm, there)
        assert (one.pm.cpu_free + used[0] == one.pm.cpu_total).all() and (one.pm.cpu_free >= 0).all()
        assert (one.pm.mem_free + used[1] == one.pm.mem_total).all() and (one.pm.mem_free >= 0).all()
        grouped = [at for at in zip(one.vm.group.tolist(), one.vm.pm.tolist(), strict=True) if at[0] >= 0]
        assert len(set(grouped)) == len(grouped)
        assert 0.02 * one.vm.cpu.size - 1 <= one.limit <= 0.03 * one.vm.cpu.size + 1
        assert 40 <= len(one.pm.cpu_free) <= 600 and 200 <= one.vm.cpu.size <= 5000


def test_the_published_order_holds():
    """But for POP, which here solves its parts by the beam search, not by a mixed integer program."""
    names = ("random_feasible", "no_moves", "alpha_vbpp", "filter_score", "pop", "beam_search")
    baselines = load_problem("vm_rescheduling").baselines
    scores = [mean_score(baselines[name], Split.TRAIN) for name in names]
    assert scores == sorted(scores) and scores[1] == 0.0
    assert scores[3] == pytest.approx(62.9, abs=1) and scores[5] == pytest.approx(78.5, abs=1)
    assert all("Source: " in source for source in baselines.values())


def test_the_seed_scores_zero_and_one_constant_makes_a_heuristic_of_it():
    seed = load_problem("vm_rescheduling").seed
    assert mean_score(seed, Split.TRAIN) == 0.0
    assert mean_score(seed.replace("LEAST = 1.1", "LEAST = 0.5"), Split.TRAIN) > 50


@pytest.mark.parametrize("family", ["multi_resource", "anti_affinity"])
def test_every_family_has_what_its_name_says_and_tells_programs_apart(family):
    evaluator = VmRescheduling(VmReschedulingOptions(family=family))
    kept = stored(family)
    for split in OWN:
        for case in evaluator.instances(split)[::7]:
            assert kept.figures[case.id] == figures_of(case) and worth_drawing(figures_of(case))
            per_vcpu = case.cluster.vm.mem_mb // case.cluster.vm.cpu
            assert (len(set(per_vcpu.tolist())) > 1) == (family == "multi_resource")
            assert ((case.cluster.vm.group >= 0).mean() > 0.04) == (family == "anti_affinity")


def test_the_kept_figures_are_those_of_the_instances():
    kept = stored()
    for split in OWN:
        for case in VmRescheduling().instances(split):
            assert kept.figures[case.id] == figures_of(case)
            assert kept.digests[case.id] == case.cluster.digest


HOST = {
    "node_id": "a",
    "numa": [
        {"node": n, "total_cpu": 44, "free_cpu": f, "memory_huge_total_mb": 900, "memory_huge_free_mb": 500}
        for n, f in ((0, 40), (1, 44))
    ],
}
VM = {"instance_id": "x", "host_id": "a", "allow_migration": 1, "numa": [{"node": 0, "cpu": 4, "mem_mb": 300}]}
FILE = {"cluster_list": [{"host_info": [HOST]}], "vm_instance": [VM], "vm_type_list": []}


def changed(**changes):
    content = json.loads(json.dumps(FILE))
    for path, value in changes.items():
        *keys, last = (int(key) if key.isdigit() else key for key in path.split("__"))
        at = content
        for key in keys:
            at = at[key]
        at[last] = value
    return content


def test_a_file_is_read_and_the_limit_is_an_option(tmp_path):
    file = tmp_path / "one.json"
    file.write_text(json.dumps(FILE))
    (case,) = VmRescheduling(VmReschedulingOptions(limit=7)).load(file)
    one = case.cluster
    assert (one.limit, one.pm.cpu_free.tolist(), one.pm.mem_free.tolist()) == (7, [[40, 44]], [[500, 500]])
    assert [column.tolist() for column in (one.vm.cpu, one.vm.pm, one.vm.numa, one.vm.movable)] == [
        [4],
        [0],
        [0],
        [True],
    ]
    file.write_text(json.dumps(changed(migration_limit=3, vm_instance__0__anti_affinity_group=2)))
    (case,) = VmRescheduling().load(file)
    assert case.cluster.limit == 3 and case.cluster.vm.group.tolist() == [2]
    assert written(case.cluster)["vm_instance"][0]["anti_affinity_group"] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1,\n 2,\n x]", "line 3: not JSON"),
        ("", "line 1: not JSON"),
        ([], "key 'cluster_list': expected a list of 1 to 1 objects"),
        (changed(cluster_list=[]), "key 'cluster_list': expected a list"),
        (changed(cluster_list__0__host_info=[1]), r"key 'cluster_list\[0\].host_info': expected a list"),
        (changed(vm_instance=[]), "key 'vm_instance': expected a list"),
        (changed(vm_instance__0__host_id="b"), r"key 'vm_instance\[0\].host_id' is 'b', which is no node_id"),
        (changed(vm_instance__0__numa__0__cpu=-4), r"key 'vm_instance\[0\].numa\[0\].cpu' is -4; expected"),
        (changed(vm_instance__0__numa__0__cpu=float("nan")), r"numa\[0\].cpu' is nan"),
        (changed(vm_instance__0__numa__0__node=5), r"its nodes are \[5\]"),
        (changed(vm_instance__0__numa__0__cpu=5), "40 vCPU are free and its VMs take 5, more than the total of 44"),
        (changed(vm_instance__0__numa__0__mem_mb=401), "500 MB are free and its VMs take 401, more than"),
        (changed(cluster_list__0__host_info__0__numa__1__node=0), "expected two entries, node 0 and node 1"),
        (changed(cluster_list__0__host_info=[HOST, HOST]), "'a' is there twice"),
        (changed(vm_instance__0__allow_migration="no"), "allow_migration' is 'no'; expected true or false"),
        (changed(migration_limit=0), "key 'migration_limit' is 0; expected a whole number >= 1"),
        (
            changed(vm_instance=[{**VM, "numa": [{"node": 0, "cpu": 1, "mem_mb": 1}], "anti_affinity_group": 1}] * 2),
            r"'vm_instance\[1\].anti_affinity_group': VM 0 of group 1 is on the same host",
        ),
        (
            changed(vm_instance__0__numa=[{"node": n, "cpu": 1 + n, "mem_mb": 1} for n in (0, 1)]),
            "expected the same cpu and mem_mb on each",
        ),
    ],
)
def test_a_malformed_file_names_the_line_or_the_key(tmp_path, content, message):
    file = tmp_path / "bad.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UsageError, match=message):
        read_clusters(file, 50)


def test_nothing_to_read_is_said(tmp_path):
    for path, message in ((tmp_path, "has no "), (tmp_path / "x.json", "does not exist")):
        with pytest.raises(UsageError, match=message):
            read_clusters(path, 50)
