"""pod_packing: the generator meets its figures, the baselines their order, and files come back as they were."""

from __future__ import annotations

import numpy as np
import pytest
from in_process import InProcess

from evaluators.pod_packing import PodPacking
from evaluators.pod_packing.baselines import default, priority_best_fit
from evaluators.pod_packing.cluster import Cluster, Nodes, Pods, running, value
from evaluators.pod_packing.evaluator import PodPackingOptions
from evaluators.pod_packing.figures import by_default, programs_digest, stored
from evaluators.pod_packing.public_format import read_clusters
from evaluators.pod_packing.reference import solved
from evaluators.pod_packing.workload import NODE_TYPES, alibaba_pods, uniform_pods
from evolve.evaluator import Split, UsageError
from evolve.registry import load_problem

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def mean_score(source, split):
    evaluator = PodPacking()
    return np.mean([evaluator.evaluate(InProcess(source), case).score for case in evaluator.instances(split)[::3]])


def test_an_empty_cluster_is_filled_as_the_prototype_did():
    """32 nodes of 8 pods, 4 tiers, 105 % asked: default runs .914 of each tier; priority first all of three, and .59.

    By the prototype, tiers of 60, 68, 67, 61: default 55, 62, 61, 56; priority first 60, 68, 67, 36.
    """
    shares = []
    for seed in range(4):
        request, priority, _ = uniform_pods(np.random.default_rng(seed), 256, 4)
        each = np.broadcast_to(np.ceil(request.sum(axis=0) / 1.05 / 32).astype(int), (32, 3)).copy()
        none = np.zeros(256, dtype=np.int64)
        one = Cluster(
            Nodes(*each.T.copy(), np.zeros(32, dtype=np.uint64)),
            Pods(*request.T.copy(), priority, none - 1, none.astype(np.uint64), none - 1),
            0,
        )
        of = np.bincount(priority)[::-1]
        ranked = one.pod.priority.copy()
        plain = Pods(*request.T.copy(), ranked * 0, none - 1, none.astype(np.uint64), none - 1)
        by_arrival = default.place(one.node, plain, 0)  # nobody is preempted, as in the prototype
        largest_last = priority_best_fit.place(one.node, one.pod, 0)
        shares.append([running(one, placed) / of for placed in (by_arrival, largest_last)])
    (arrival, first) = np.mean(shares, axis=0)
    assert arrival == pytest.approx([0.914] * 4, rel=0.1)
    assert first[:3].tolist() == [1.0] * 3
    assert first[3] > 0.59, "and more than .59, as the smallest of a tier come first"


def test_the_pods_of_the_trace_have_its_quantiles():
    capacity = np.array(NODE_TYPES * 100)
    request, priority, run = alibaba_pods(np.random.default_rng(1), capacity, 0.9)
    cpu, mem, gpu = request.T
    levels = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95)
    assert np.quantile(cpu, levels) / 1000 == pytest.approx([3.15, 4.0, 11.3, 12, 16.4, 24.2], rel=0.1)
    assert np.quantile(mem, levels[:5]) / 1024 == pytest.approx([5.5, 14.9, 40.6, 48, 57], rel=0.1)
    assert (gpu == 0).mean() == pytest.approx(0.13, abs=0.03)
    assert ((gpu > 0) & (gpu < 1000)).mean() == pytest.approx(0.38, abs=0.04)
    assert (priority == 2).mean() == pytest.approx(0.57, abs=0.05)
    assert len(run) / (run.max() + 1) == pytest.approx(1.35, rel=0.05)


def test_the_seed_is_the_default_scheduler_and_the_order_of_the_baselines_holds():
    problem = load_problem("pod_packing")
    for case in PodPacking().instances(Split.TRAIN):
        one = case.cluster
        program = {}
        exec(problem.seed, program)
        assert program["place"](one.node, one.pod, one.moves_allowed).tolist() == by_default(one).tolist()
    names = ("default", "priority_best_fit", "repair", "repair_search")
    scores = [mean_score(problem.baselines[name], Split.TRAIN) for name in names]
    assert scores == sorted(scores) and scores[0] == 0 and scores[-1] <= 100
    assert scores[2] > 40
    assert all("Source: " in source for source in problem.baselines.values())


def test_stored_answers_belong_to_the_cases_and_the_solver_finds_them_again():
    kept = stored()
    assert kept.programs == programs_digest()
    checked = 0
    for split in OWN:
        for case in PodPacking().instances(split):
            assert kept.digests[case.id] == case.cluster.digest
            known = kept.figures[case.id]
            assert known.naive == pytest.approx(value(case.cluster, by_default(case.cluster)), abs=1e-12)
            if known.proved and len(case.cluster.request) < 50 and checked < 2:
                again = solved(case.cluster, by_default(case.cluster))
                assert again == (pytest.approx(known.reference, abs=1e-7), True)
                checked += 1
    assert checked == 2
    assert np.mean([known.proved for known in kept.figures.values()]) > 0.3


@pytest.mark.parametrize("family", ["uniform", "alibaba"])
def test_a_family_is_its_own_part_of_the_splits(family):
    for split in OWN:
        cases = PodPacking(PodPackingOptions(family=family)).instances(split)
        assert cases and {case.source.recipe.kind for case in cases} == {family}
        (fresh,) = (
            PodPacking(PodPackingOptions(family=family)).fresh(split, 1, 1) if split is Split.TRAIN else cases[:1]
        )
        assert fresh.source.recipe.kind == family


NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,32000,262144,0,\nn1,96000,393216,8,G2\nn2,96000,393216,8,G2\n"
HEAD = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time"
PODS = [
    f"p{k},{6000 + 2000 * (k % 4)},12288,{k % 3 > 0:d},{460 if k % 3 == 1 else 1000 if k % 3 else 0},,"
    f"{'LS' if k % 2 else 'BE'},Running,{40 - k},,"
    for k in range(40)
]


def lists(folder, nodes=NODES, head=HEAD, pods=PODS):
    (folder / "openb_node_list_all_node.csv").write_text(nodes)
    (folder / "openb_pod_list_default.csv").write_text("\n".join([head, *pods]) + "\n")
    return folder


def test_the_lists_of_the_trace_are_cut_to_full_clusters(tmp_path):
    (case,) = PodPacking(PodPackingOptions(nodes_per_case=3)).load(lists(tmp_path))
    one = case.cluster
    assert sorted(one.node.cpu_milli.tolist()) == [32000, 96000, 96000] and one.node.gpu_milli.sum() == 16000
    assert (one.request.sum(axis=0) / np.maximum(one.capacity.sum(axis=0), 1)).max() >= 1.05
    assert one.request[0].tolist() == [12000, 12288, 0], "the pod that was created first, the last in the list"
    assert set(one.pod.priority.tolist()) == {0, 2} and set(one.pod.gpu_milli.tolist()) == {0, 460, 1000}
    assert (one.pod.node_now >= 0).sum() > 10 and one.moves_allowed >= 1
    assert PodPacking().evaluate(InProcess(load_problem("pod_packing").seed), case).metrics["vs_default"] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes": ""}, "line 1: expected a header"),
        (
            {"nodes": NODES.replace("96000", "x", 1)},
            "line 3: column 'cpu_milli' is 'x'; expected a whole number from 1",
        ),
        ({"nodes": NODES + "n3,1\n"}, "line 5 has 2 cells, the header 5 columns"),
        ({"pods": [PODS[0].replace("BE", "XX")]}, "line 2: column 'qos' is 'XX'; expected BE, Burstable"),
        ({"pods": [PODS[0].replace("6000", "-6000")]}, "line 2: column 'cpu_milli' is '-6000'"),
        ({"pods": [PODS[0].replace("12288", "nan")]}, "line 2: column 'memory_mib' is 'nan'"),
        ({"head": HEAD + ",node_now", "pods": [PODS[0] + ",7"]}, "line 2: column 'node_now' is '7'; expected"),
        ({"head": HEAD + ",node_now", "pods": [f"{p},0" for p in PODS]}, "column 'node_now': the 40 pods on node 0"),
    ],
)
def test_a_malformed_list_names_the_file_and_the_line(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        read_clusters(lists(tmp_path, **changes), 3)


def test_nothing_to_read_is_said(tmp_path):
    for path, message in ((tmp_path, "has no"), (tmp_path / "x.csv", "is no folder")):
        with pytest.raises(UsageError, match=message):
            read_clusters(path, 3)
    (tmp_path / "nodes.csv").write_text(NODES)
    with pytest.raises(UsageError, match="with 'pod' in the name"):
        read_clusters(tmp_path, 3)
