"""What is free on the nodes before and after a plan. No simpy: a plan is carried out move by move."""

from __future__ import annotations

from collections import Counter

from evaluators.vm_rescheduling.cluster import BLOCK, Cluster, rate
from evaluators.vm_rescheduling.figures import Figures
from evaluators.vm_rescheduling.migration import State
from evolve.picture import Bar, Bars, Line, Mark, Picture, Series


def drawn(name: str, cluster: Cluster, state: State, gained: list[int | None], figures: Figures) -> Picture:
    """Return how many vCPU lie free beyond full blocks, and how the fragment rate falls with the moves."""
    before = Counter((cluster.pm.cpu_free % BLOCK).ravel().tolist())
    after = Counter(free % BLOCK for nodes in state.cpu for free in nodes)
    bars = [
        Bar(f"{left} vCPU, {when}", counts[left], kind=when, text=f"{counts[left]} nodes {when} the moves")
        for left in range(BLOCK)
        for when, counts in (("before", before), ("after", after))
        if before[left] or after[left]
    ]
    left, points = figures.naive, [(0.0, rate(figures.naive, figures.free))]
    for number, gain in enumerate(gained, 1):
        left -= BLOCK * (gain or 0)
        points.append((float(number), rate(left, figures.free)))
    after_plan = points[-1][1]
    if len(gained) < cluster.limit:
        points.append((float(cluster.limit), after_plan))  # moves left unused; a plan of none is a line, too
    bound = rate(figures.reference, figures.free)
    lines = (Line("plan", tuple(points), "step"), Line("bound", ((0.0, bound), (float(cluster.limit), bound))))
    limit = (Mark(float(cluster.limit), "limit"),)
    return Picture(
        f"{name}: fragment rate {points[0][1]:.4f} before, {after_plan:.4f} after {len(gained)} moves",
        (
            Series("Fragment rate", "moves", "share of the free vCPU in fragments", lines, limit),
            Bars("Nodes by free vCPU beyond full blocks of 16", "nodes", tuple(bars)),
        ),
        f"No plan of {cluster.limit} moves gets below {bound:.4f}.",
    )
