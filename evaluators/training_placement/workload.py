"""Jobs, clusters and what happens to nodes, drawn at random. Failures, repairs and stragglers: simpy, a process each.

Models: Narayanan 2021 (3.6B to 39B) and a mixture of experts like Mixtral's. Failures: Llama 3 had one in 50,700
GPU-hours (Dubey 2024); here nodes fail some tens of times as often, so that a few nodes over days stand for a thousand
over hours. Repairs: log-normal, median 2 h. Spot: nodes come and go as spot machines of the bundled traces did.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import simpy

from evaluators.spot_traces.bundled import bundled_traces
from evaluators.training_placement.cluster import Case, Event, Job, Nic, Node
from evolve.evaluator import Split

MODELS = {
    "3.6B": (30, 3072, 0, 0, 1),
    "7.5B": (36, 4096, 0, 0, 1),
    "18B": (40, 6144, 0, 0, 1),
    "39B": (48, 8192, 0, 0, 1),
    "moe": (24, 4096, 8, 2, 1),
    "moe-half": (32, 4096, 8, 2, 2),
}
"""layers, hidden, experts, top_k, moe_every."""
SEQ, VOCAB = 2048, 51200

TFLOPS = {"A100": 312.0, "H100": 989.0}
INTRA_GBS = {"A100": 230.0, "H100": 340.0}
NIC_GBS: dict[Nic, float] = {"IB": 25.0, "RoCE": 20.0, "Ethernet": 3.1 / 8}

REPAIR_MEDIAN_H, REPAIR_SIGMA = 2.0, 0.8
SLOW, SLOW_MEAN_H = 1 / 1.3, 3.0
MOST_EVENTS = 40
SPOT_ZONES = {
    Split.TRAIN: ("aws-02-15-2023/us-west-2a_v100_1", "aws-02-15-2023/us-east-2a_v100_1"),
    Split.VALIDATION: ("aws-02-15-2023/us-west-2c_v100_1", "aws-10-26-2022/us-west-2a_v100_1"),
    Split.TEST: ("aws-02-15-2023/us-west-2b_v100_1", "aws-10-26-2022/us-west-2b_v100_1"),
}


@dataclass(frozen=True)
class Recipe:
    """How a case is drawn.

    Attributes:
        model: one of MODELS.
        sites: of each cluster its nodes' GPU, NIC and number, e.g. ("A100", "IB", 2).
        batch, horizon_h: sequences of a step; how long the run is.
        mtbf_h: mean time between failures of a node, h; 0: none fails.
        slow_h: mean time between slow phases of a node, h; 0: none.
        spot: how many of the nodes are spot machines.
    """

    model: str
    sites: tuple[tuple[str, Nic, int], ...]
    batch: int = 768
    horizon_h: int = 48
    mtbf_h: float = 60.0
    slow_h: float = 0.0
    spot: int = 0

    @property
    def family(self) -> str:
        """Return what is particular about it."""
        if self.spot:
            return "spot"
        if MODELS[self.model][2]:
            return "experts"
        if len({gpu for gpu, _, _ in self.sites}) > 1:
            return "mixed GPUs"
        return "mixed NICs" if len(self.sites) > 1 else f"one site, {self.sites[0][1]}"


def own_case(split: Split, index: int, attempt: int) -> Case:
    """Return one draw of an own case; the same for the same arguments, in every process."""
    return drawn_case(split, f"{split}/{index}", index, attempt)


def drawn_case(split: Split, name: str, index: int, attempt: int) -> Case:
    """Draw a case as that of a split with an index is drawn. name: its id, what chance depends on."""
    recipe = RECIPES[split][index]
    seed = f"training_placement/{name}/{attempt}"
    layers, hidden, experts, top_k, every = MODELS[recipe.model]
    job = Job(layers, hidden, SEQ, VOCAB, experts, top_k, every, recipe.batch, 100)
    nodes = [
        Node(TFLOPS[gpu], 80.0, INTRA_GBS[gpu], nic, NIC_GBS[nic], site)
        for site, (gpu, nic, count) in enumerate(recipe.sites)
        for _ in range(count)
    ]
    random.Random(f"{seed}/order").shuffle(nodes)
    horizon_s = 3600 * recipe.horizon_h
    for draw in itertools.count():
        events = tuple(_events(split, recipe, f"{seed}/events-{draw}", len(nodes), horizon_s))
        if len(events) <= MOST_EVENTS:
            break
    return Case(name, recipe.family, job, tuple(nodes), horizon_s, events)


def _events(split: Split, recipe: Recipe, seed: str, nodes: int, horizon_s: int) -> Iterator[Event]:
    """Return what happens, in order of time: all that happens in the same second is one event."""
    env = simpy.Environment()
    lost: dict[int, list[int]] = defaultdict(list)
    back: dict[int, list[int]] = defaultdict(list)
    slow: dict[int, list[tuple[int, float]]] = defaultdict(list)

    def now() -> int:
        return round(env.now)

    def fails(node: int, rng: random.Random) -> Generator[simpy.Event, None, None]:
        while True:
            yield env.timeout(1 + round(3600 * rng.expovariate(1 / recipe.mtbf_h)))
            lost[now()].append(node)
            yield env.timeout(60 + round(3600 * REPAIR_MEDIAN_H * rng.lognormvariate(0, REPAIR_SIGMA)))
            back[now()].append(node)

    def slows(node: int, rng: random.Random) -> Generator[simpy.Event, None, None]:
        while True:
            yield env.timeout(1 + round(3600 * rng.expovariate(1 / recipe.slow_h)))
            slow[now()].append((node, SLOW))
            yield env.timeout(60 + round(3600 * rng.expovariate(1 / SLOW_MEAN_H)))
            slow[now()].append((node, 1.0))

    def comes_and_goes(node: int, rng: random.Random) -> Generator[simpy.Event, None, None]:
        trace = bundled_traces()[rng.choice(SPOT_ZONES[split])]
        ticks = horizon_s // trace.tick_s + 1
        there = [k for k in range(len(trace.available) - ticks) if trace.available[k]]
        first = rng.choice(there)
        before = 1
        for available in trace.available[first : first + ticks]:
            if available != before:
                (back if available else lost)[now()].append(node)
            before = available
            yield env.timeout(trace.tick_s)

    for node in range(nodes):
        if node < recipe.spot:
            env.process(comes_and_goes(node, random.Random(f"{seed}/spot-{node}")))
        elif recipe.mtbf_h:
            env.process(fails(node, random.Random(f"{seed}/fails-{node}")))
        if recipe.slow_h:
            env.process(slows(node, random.Random(f"{seed}/slows-{node}")))
    env.run(until=horizon_s)
    for at_s in sorted({*lost, *back, *slow}):
        yield Event(at_s, tuple(lost[at_s]), tuple(back[at_s]), tuple(slow[at_s]))


A, H = "A100", "H100"
RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        Recipe("7.5B", ((A, "IB", 2), (A, "RoCE", 2)), 768, 48),
        Recipe("3.6B", ((A, "Ethernet", 4),), 384, 24, mtbf_h=40),
        Recipe("18B", ((A, "IB", 8),), 1536, 48, mtbf_h=100),
        Recipe("7.5B", ((A, "IB", 4), (A, "RoCE", 4), (A, "IB", 4)), 768, 48, mtbf_h=150, slow_h=60),
        Recipe("moe", ((A, "IB", 8),), 768, 24, mtbf_h=80),
        Recipe("39B", ((A, "IB", 6), (A, "RoCE", 5)), 1536, 48, mtbf_h=120),
        Recipe("7.5B", ((A, "IB", 6),), 768, 24, spot=4),
        Recipe("18B", ((A, "RoCE", 4), (H, "RoCE", 4)), 1536, 36, mtbf_h=100, slow_h=80),
    ),
    Split.VALIDATION: (
        Recipe("7.5B", ((A, "IB", 3), (A, "RoCE", 3)), 768, 48),
        Recipe("3.6B", ((A, "RoCE", 2), (A, "IB", 2)), 384, 72, mtbf_h=60),
        Recipe("3.6B", ((A, "Ethernet", 6),), 768, 24, mtbf_h=50),
        Recipe("18B", ((A, "IB", 6),), 1536, 48, mtbf_h=80),
        Recipe("18B", ((A, "RoCE", 4), (A, "IB", 4)), 768, 48, mtbf_h=100, slow_h=60),
        Recipe("7.5B", ((A, "IB", 9),), 768, 48, mtbf_h=120),
        Recipe("7.5B", ((A, "IB", 5), (A, "Ethernet", 3)), 1536, 24, mtbf_h=70),
        Recipe("39B", ((A, "IB", 12),), 1536, 36, mtbf_h=150),
        Recipe("39B", ((A, "RoCE", 4), (A, "IB", 4)), 768, 48, mtbf_h=80),
        Recipe("moe", ((A, "IB", 4), (A, "RoCE", 4)), 768, 24, mtbf_h=80),
        Recipe("moe-half", ((A, "RoCE", 8),), 1536, 24, mtbf_h=60),
        Recipe("7.5B", ((A, "IB", 8),), 768, 24, spot=4),
        Recipe("18B", ((A, "RoCE", 8),), 768, 24, spot=3),
        Recipe("7.5B", ((A, "RoCE", 4), (H, "RoCE", 2)), 768, 36, mtbf_h=60, slow_h=60),
        Recipe("18B", ((H, "IB", 3), (A, "IB", 5)), 1536, 36, mtbf_h=100),
        Recipe("39B", ((H, "IB", 4), (A, "RoCE", 4)), 1536, 48, mtbf_h=100, slow_h=100),
    ),
    # Other traces of spot machines; twice the failures; more stragglers; three sites; mixed GPUs in more cases.
    Split.TEST: (
        Recipe("7.5B", ((A, "IB", 4), (A, "RoCE", 4)), 1536, 72, mtbf_h=60),
        Recipe("3.6B", ((A, "Ethernet", 5),), 768, 36, mtbf_h=30),
        Recipe("18B", ((A, "RoCE", 7),), 1536, 48, mtbf_h=45, slow_h=40),
        Recipe("39B", ((A, "IB", 4), (A, "RoCE", 4), (A, "Ethernet", 3)), 1536, 48, mtbf_h=70),
        Recipe("moe", ((A, "RoCE", 6),), 768, 36, mtbf_h=40),
        Recipe("moe-half", ((A, "IB", 4), (A, "IB", 4)), 768, 36, mtbf_h=50, slow_h=60),
        Recipe("7.5B", ((A, "RoCE", 8),), 1536, 24, spot=5),
        Recipe("18B", ((A, "IB", 9),), 768, 24, spot=4),
        Recipe("18B", ((A, "IB", 6), (H, "IB", 3)), 768, 48, mtbf_h=60, slow_h=50),
        Recipe("7.5B", ((H, "RoCE", 2), (A, "IB", 2), (A, "RoCE", 2)), 768, 72, mtbf_h=50),
        Recipe("39B", ((A, "RoCE", 6), (H, "IB", 5)), 768, 36, mtbf_h=60, slow_h=50),
        Recipe("3.6B", ((A, "IB", 3), (A, "RoCE", 2)), 384, 48, mtbf_h=30, slow_h=30),
    ),
}
