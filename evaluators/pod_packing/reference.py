"""Compute the figures of the built-in cases: `python -m evaluators.pod_packing.reference` (some minutes, with ortools).

Run it when a recipe, the naive or the reference program changes. The file keeps how often a case was redrawn.
"""

from __future__ import annotations

import numpy as np

from evaluators.pod_packing.cluster import Cluster, value, value_bound
from evaluators.pod_packing.figures import STORED, Figures, compute, digest, programs_digest, searched, worth_drawing
from evaluators.pod_packing.workload import RECIPES, Case, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split

SOLVER_WORK = 2.0
"""What CP-SAT may do, in its own units, about a second each: the same on every machine of one version."""
SCALE = 10**8


def solved(cluster: Cluster, known: np.ndarray, work: float = SOLVER_WORK) -> tuple[float, bool]:
    """Return the value of the best placement, and True, where CP-SAT proves one; else the least bound on it, and False.

    known: (n,) a placement from which it sets out.  One worker, so that the answer is the same again.
    A pod is on a node or not, in whole numbers; values are rounded to 1e-8.
    """
    from ortools.sat.python import cp_model

    model, pod = cp_model.CpModel(), cluster.pod
    on: dict[tuple[int, int], cp_model.IntVar] = {}
    for i, need in enumerate(cluster.request):
        labelled = (cluster.node.labels & pod.needs_labels[i]) == pod.needs_labels[i]
        for n in np.flatnonzero(labelled & (cluster.capacity >= need).all(axis=1)).tolist():
            on[i, n] = model.new_bool_var("")
            model.add_hint(on[i, n], int(known[i] == n))
    count, nodes = len(cluster.request), len(cluster.capacity)
    of_pod = [[on[i, n] for n in range(nodes) if (i, n) in on] for i in range(count)]
    for places in of_pod:
        model.add_at_most_one(places)
    for n in range(nodes):
        there = [i for i in range(count) if (i, n) in on]
        for k in range(3):
            need = [int(cluster.request[i, k]) for i in there]
            model.add(sum(a * on[i, n] for a, i in zip(need, there, strict=True)) <= int(cluster.capacity[n, k]))
        for group in set(pod.spread_group.tolist()) - {-1}:
            model.add_at_most_one([on[i, n] for i in there if pod.spread_group[i] == group])
    stays = [on[i, n] for i, n in enumerate(pod.node_now.tolist()) if n >= 0]
    model.add(len(stays) - sum(stays) <= cluster.moves_allowed)
    cost = round(SCALE * cluster.disruption_cost)
    worth = [round(SCALE * each) for each in cluster.worth.tolist()]
    model.maximize(sum(w * x for w, places in zip(worth, of_pod, strict=True) for x in places) + cost * sum(stays))
    solver = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = work
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if status == cp_model.OPTIMAL:
        placed = np.full(count, -1)
        for (i, n), x in on.items():
            if solver.boolean_value(x):
                placed[i] = n
        return value(cluster, placed), True
    bound = (solver.best_objective_bound - cost * len(stays) + count) / SCALE
    return min(bound, value_bound(cluster)), False


def figures_solved(case: Case) -> Figures:
    """Return the figures with the solver's answer. A case on which the search gains little is not solved."""
    cluster, found = case.cluster, compute(case)
    if not worth_drawing(case, found):
        return found
    return Figures(found.naive, *solved(cluster, searched(cluster)))


def accepted(split: Split, index: int) -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_case(split, index, attempt), figures_solved, worth_drawing)


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "cases",
        {split: len(recipes) for split, recipes in RECIPES.items()},
        accepted,
        digest,
        programs=programs_digest(),
    )


if __name__ == "__main__":
    main()
