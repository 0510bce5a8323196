"""The baselines and the seed: ordinary programs, faithful to what they cite, in the order that was published."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

import seeds
from evaluators import eplb
from evaluators.eplb import Eplb
from evaluators.eplb.balance import balancedness, gpu_loads, replica_counts
from evaluators.eplb.evaluator import EplbOptions
from evaluators.eplb.scale import figures
from evolve.evaluator import Split

FOLDER = Path(eplb.__file__).parent
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
SEED = (Path(seeds.__file__).parent / "eplb.py").read_text()


def rebalance(name, *arguments):
    return InProcess(SOURCES.get(name, SEED)).call("rebalance", *arguments)


def mean_balance(name, split):
    if name == "reference":
        return np.mean([figures(i).reference for i in Eplb().instances(split)])
    program, values = InProcess(SOURCES[name]), []
    for i in Eplb().instances(split):
        windows, c = i.windows(), i.cluster
        slots = program.call("rebalance", windows.seen, c.replicas, c.groups, c.nodes, c.gpus)
        values.append(balancedness(gpu_loads(slots, windows.scored, c.gpus)))
    return np.mean(values)


def packed_one_by_one(size, packs):
    """DeepSeek's packing, one row in plain Python: item by item, largest first, to the least full pack with room."""
    if len(size) == packs:
        return [[item] for item in range(packs)]
    members = [[] for _ in range(packs)]
    totals = [0.0] * packs
    for item in sorted(range(len(size)), key=lambda i: -size[i]):
        least = min((p for p in range(packs) if len(members[p]) < len(size) // packs), key=totals.__getitem__)
        members[least].append(item)
        totals[least] += size[item]
    return members


def replicated_one_by_one(load, replicas):
    counts = [1] * len(load)
    chosen = list(range(len(load)))
    while len(chosen) < replicas:
        fullest = max(range(len(load)), key=lambda e: load[e] / counts[e])
        counts[fullest] += 1
        chosen.append(fullest)
    return chosen, [load[e] / counts[e] for e in chosen]


def hierarchy_one_by_one(load, replicas, groups, nodes, gpus):
    """DeepSeek's hierarchical policy for one layer, written from its description: the experts of every GPU."""
    if groups % nodes:
        groups = nodes = 1
    of_group = [list(range(g * len(load) // groups, (g + 1) * len(load) // groups)) for g in range(groups)]
    placed = []
    for node in packed_one_by_one([sum(load[e] for e in experts) for experts in of_group], nodes):
        experts = [e for group in node for e in of_group[group]]
        chosen, share = replicated_one_by_one([load[e] for e in experts], replicas // nodes)
        placed += [sorted(experts[chosen[i]] for i in pack) for pack in packed_one_by_one(share, gpus // nodes)]
    return placed


def test_the_baselines_are_those_that_are_named_each_with_its_source():
    assert set(SOURCES) == {"identity", "deepseek_hierarchical", "flat_greedy", "flat_greedy_swaps", "snake"}
    assert all("Source:" in ast.get_docstring(ast.parse(source)) for source in SOURCES.values())


@pytest.mark.parametrize("shape", [(24, 32, 4, 2, 8), (24, 36, 8, 4, 12), (12, 16, 3, 2, 4), (8, 12, 4, 4, 4)])
def test_the_hierarchy_is_deepseeks_step_by_step(shape):
    experts, replicas, groups, nodes, gpus = shape
    # Irrational loads: with a tie the two may rightly differ.
    weight = np.random.default_rng(6).random((5, experts)) ** 3
    slots = rebalance("deepseek_hierarchical", weight, replicas, groups, nodes, gpus)
    for row, load in zip(slots.reshape(5, gpus, -1), weight, strict=True):
        assert [sorted(gpu.tolist()) for gpu in row] == hierarchy_one_by_one(
            load.tolist(), replicas, groups, nodes, gpus
        )


def test_the_flat_greedy_is_the_hierarchy_of_one_node():
    weight = np.random.default_rng(7).random((5, 24)) ** 3
    flat = rebalance("flat_greedy", weight, 36, 8, 4, 12)
    for row, load in zip(flat.reshape(5, 12, -1), weight, strict=True):
        assert [sorted(gpu.tolist()) for gpu in row] == hierarchy_one_by_one(load.tolist(), 36, 1, 1, 12)


def test_the_hierarchy_keeps_every_group_on_one_node():
    weight = Eplb().instances(Split.TRAIN)[0].windows().seen
    of_node = rebalance("deepseek_hierarchical", weight, 288, 8, 4, 32).reshape(58, 4, 72) // 32
    for layer in of_node:
        groups = [set(node.tolist()) for node in layer]
        assert sum(map(len, groups)) == 8
        assert set.union(*groups) == set(range(8))


@pytest.mark.parametrize("name", [*SOURCES, "seed"])
@pytest.mark.parametrize("zeros", [False, True])
def test_every_baseline_gives_a_placement_for_any_cluster(name, zeros):
    rng = np.random.default_rng(8)
    clusters = [
        (i.cluster.experts, i.cluster.replicas, i.cluster.groups, i.cluster.nodes, i.cluster.gpus)
        for i in Eplb().instances(Split.TEST)
    ]
    for experts, replicas, groups, nodes, gpus in [*clusters, (4, 4, 1, 1, 4), (3, 12, 2, 2, 4), (1, 4, 8, 4, 4)]:
        weight = np.zeros((2, experts)) if zeros else rng.integers(0, 3, (2, experts)).astype(np.float64)
        slots = np.array(rebalance(name, weight, replicas, groups, nodes, gpus))
        assert slots.shape == (2, replicas)
        assert slots.dtype.kind == "i"
        assert (replica_counts(slots, experts) > 0).all()


@pytest.mark.parametrize("split", [Split.TRAIN, pytest.param(Split.VALIDATION, marks=pytest.mark.slow), Split.TEST])
def test_the_heuristics_come_in_the_published_order_of_balance(split):
    """DeepSeek's groups-to-nodes step is a restriction, so it comes below the policies that have none."""
    mean = {name: mean_balance(name, split) for name in [*SOURCES, "reference"]}
    assert mean["identity"] < mean["deepseek_hierarchical"] < mean["flat_greedy"] < mean["reference"] <= 1.0
    assert mean["identity"] < mean["snake"] < mean["flat_greedy"]
    assert mean["flat_greedy_swaps"] == mean["reference"], "the reference is a program; its time is not in that figure"


def test_the_seed_is_the_naive_placement():
    for instance in Eplb().instances(Split.TEST):
        c, seen = instance.cluster, instance.windows().seen
        arguments = (seen, c.replicas, c.groups, c.nodes, c.gpus)
        assert (rebalance("seed", *arguments) == rebalance("identity", *arguments)).all()


def test_each_of_two_small_changes_to_the_seed_makes_it_better():
    """The built-in mutator changes a node or two at a time: a better program must be that near, and a next one."""
    first = SEED.replace("weight**0.0", "weight**1.0")
    second = first.replace("% num_replicas", "% num_gpus")
    assert len({SEED, first, second}) == 3
    evaluator, instance = Eplb(EplbOptions(cpu_weight=0, calls=1)), Eplb().instances(Split.TRAIN)[0]
    scores = [evaluator.evaluate(InProcess(source), instance).score for source in (SEED, first, second)]
    assert scores[0] == pytest.approx(0, abs=1e-9)
    assert scores[0] + 10 < scores[1] < scores[2] - 10


def test_the_seed_marks_what_may_change():
    lines = SEED.splitlines()
    start, end = lines.index("# EVOLVE-BLOCK-START"), lines.index("# EVOLVE-BLOCK-END")
    assert any(line.startswith("def rebalance") for line in lines[start:end])


def test_the_statements_example_runs_and_gives_the_answer_it_shows():
    statement = (FOLDER / "problem.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", statement, re.DOTALL)
    shown = "".join(line[2:] for line in block.splitlines() if line.startswith("# "))
    scope = {"np": np}
    exec(SEED, scope)
    *statements, last = ast.parse(block).body
    exec(compile(ast.Module(statements, []), "problem.md", "exec"), scope)
    slots = eval(compile(ast.Expression(last.value), "problem.md", "eval"), scope)
    assert (slots == eval(shown, {"array": np.array})).all()
    assert gpu_loads(slots, scope["weight"], 2).tolist() == [[9, 11], [4.5, 19.5]]
    assert f"= {balancedness(gpu_loads(slots, scope['weight'], 2)):.3f}." in statement
    slots[1, 3] = 2
    assert balancedness(gpu_loads(slots, scope["weight"], 2)) > 0.73
