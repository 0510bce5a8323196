"""Small random graphs for the tests of this problem."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from evaluators import heterogeneous_dag
from evaluators.heterogeneous_dag.dag import Dag, Info, make_dag

BASELINES = Path(heterogeneous_dag.__file__).parent / "baselines"
SOURCES = {file.stem: file.read_text() for file in sorted(BASELINES.glob("*.py"))}


def small_dag(rng: random.Random, most_tasks: int = 6, least_ticks: int = 0) -> Dag:
    """Return a graph with shuffled numbers, some tasks without work and some that a PE cannot run."""
    tasks, pes = rng.randint(1, most_tasks), rng.randint(1, 3)
    work = [[rng.randint(least_ticks, 9) for _ in range(pes)] for _ in range(tasks)]
    for row in work:
        if pes > 1 and rng.random() < 0.3:
            row[rng.randrange(pes)] = -1
    label = rng.sample(range(tasks), tasks)
    arcs = [(label[a], label[b], rng.randint(0, 9)) for b in range(tasks) for a in range(b) if rng.random() < 0.4]
    return make_dag(work, arcs)


def policy(name: str, kind: str, pes: int) -> Any:
    """Return the policy of a baseline, in this process."""
    scope: dict[str, Any] = {}
    exec(SOURCES[name], scope)
    return scope["Policy"](Info(kind, pes))


def random_placement(rng: random.Random, dag: Dag) -> tuple[list[int], list[int]]:
    """Return an order of all tasks, each after its predecessors, and PEs that can run them."""
    missing = [len(before) for before in dag.predecessors]
    ready, order = [t for t in range(dag.tasks) if not missing[t]], []
    while ready:
        task = ready.pop(rng.randrange(len(ready)))
        order.append(task)
        for s, _ in dag.successors[task]:
            missing[s] -= 1
            if not missing[s]:
                ready.append(s)
    return order, [rng.choice([k for k, ticks in enumerate(row) if ticks >= 0]) for row in dag.work]
