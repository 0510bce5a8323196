"""Small random clusters, jobs and plans."""

from __future__ import annotations

import importlib
import itertools
from types import ModuleType

from evaluators.training_placement.cluster import Case, Event, Job, Node
from evaluators.training_placement.plan import Plan, Stage
from evaluators.training_placement.training import Run, train

NICS = {"IB": 25.0, "RoCE": 20.0, "Ethernet": 3.1 / 8}


def baseline(name: str) -> ModuleType:
    return importlib.import_module(f"evaluators.training_placement.baselines.{name}")


def run_by(case: Case, placing: str, replanning: str | None = None) -> Run:
    """Run a case with the first plan of one program and the later ones of another."""
    first = baseline(placing).Policy(case.job)
    later = first if replanning is None else baseline(replanning).Policy(case.job)
    return train(case, first.place, later.replan)


def a_node(nic="IB", site=0, tflops=312.0, mem_gb=80.0):
    return Node(tflops, mem_gb, 230.0, nic, NICS[nic], site)


def random_case(rng):
    """Return a small case in which any plan fits into memory."""
    experts = rng.choice([0, 0, 4])
    batch = rng.choice([8, 12, 24])
    job = Job(rng.randint(4, 9), 2048, 512, 8000, experts, 2 if experts else 0, rng.randint(1, 2), batch, 7)
    nodes = tuple(
        a_node(rng.choice(["IB", "IB", "RoCE", "Ethernet"]), rng.randint(0, 1), rng.choice([312.0, 989.0]), 10_000.0)
        for _ in range(rng.randint(2, 4))
    )
    alive, events, at_s = set(range(len(nodes))), [], 0
    for _ in range(rng.randint(0, 5)):
        at_s += rng.choice([1, 5, 60, 400])
        kind = rng.choice(["lost", "lost", "returned", "speed"])
        dead = sorted(set(range(len(nodes))) - alive)
        if kind == "lost" and alive:
            gone = tuple(sorted(rng.sample(sorted(alive), min(len(alive), rng.choice([1, 1, 2])))))
            alive -= set(gone)
            events.append(Event(at_s, lost=gone))
        elif kind == "returned" and dead:
            alive.add(dead[0])
            events.append(Event(at_s, returned=(dead[0],)))
        else:
            events.append(Event(at_s, speed=((rng.randrange(len(nodes)), rng.choice([1.0, 0.5])),)))
    return Case("data/0", "small", job, nodes, at_s + rng.choice([1, 30, 500]), tuple(events))


def random_plan(rng, case, nodes):
    """Return a plan on some of these nodes."""
    job = case.job
    tp = rng.choice([2, 4, 8])
    groups = [tuple(range(8 * n + k, 8 * n + k + tp)) for n in nodes for k in range(0, 8, tp)]
    rng.shuffle(groups)
    microbatch = rng.choice([1, 2])
    total = job.global_batch // microbatch
    count = rng.randint(1, min(4, len(groups), total))
    ep = rng.choice([w for w in (1, 2, 4) if count % w == 0]) if job.experts else 1
    depths = [rng.randint(1, min(3, len(groups) // count)) for _ in range(count // ep)]
    cuts = [sorted(rng.sample(range(1, job.layers), depth - 1)) for depth in depths]
    pipelines = []
    for p in range(count):
        bounds = [0, *cuts[p // ep], job.layers]
        pipelines.append(tuple(Stage(a, b - 1, groups.pop()) for a, b in itertools.pairwise(bounds)))
    ends = sorted(rng.sample(range(1, total), count - 1))
    counts = tuple(b - a for a, b in zip([0, *ends], [*ends, total], strict=True))
    chunks = (rng.randint(1, 4), rng.randint(1, 4))
    return Plan(
        tp,
        microbatch,
        rng.random() < 0.5,
        tuple(pipelines),
        counts,
        rng.choice([1, 5, 40]),
        rng.choice([0, 0, 1, 3]),
        rng.randint(0, 1),
        ep,
        chunks,
    )


def random_plans(rng, case):
    """Return a plan for the start and one for every event: old ones, and new ones mostly on live nodes."""
    alive = set(range(len(case.nodes)))
    plans = [random_plan(rng, case, sorted(alive))]
    for event in case.events:
        alive = (alive - set(event.lost)) | set(event.returned)
        old = rng.random() < 0.4 or not alive
        plans.append(plans[-1] if old else random_plan(rng, case, sorted(alive)))
    return plans
