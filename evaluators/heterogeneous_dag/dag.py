"""A task graph: tasks that take a different time on each processing element (PE) and hand data to one another.

All times are whole ticks. Data from a task to a successor on the same PE takes none, to any other PE the ticks of the
arc. Links are never busy (the model of HEFT), but of kind `contention`: there, two PEs share one bus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

from evaluators.orders import topological_order
from evolve.evaluator import Instance, Record

Kind: TypeAlias = Literal["static", "contention", "stream"]
KINDS: tuple[Kind, ...] = ("static", "contention", "stream")

UNSUPPORTED = -1
"""Stands for the work of a task on a PE that cannot run it."""


class Dag(Record, frozen=True):
    """What a program sees of a graph; n tasks, numbered from 0.

    work: (n, PEs) int, ticks; -1: this PE cannot run this task. Each task has a PE that can.
    predecessors, successors: n lists of (task, transfer ticks), in ascending order.
    """

    work: list[list[int]]
    predecessors: list[list[tuple[int, int]]]
    successors: list[list[tuple[int, int]]]

    @property
    def tasks(self) -> int:
        """Return n."""
        return len(self.work)

    @property
    def pes(self) -> int:
        """Return the number of PEs."""
        return len(self.work[0])


class Info(Record, frozen=True):
    """What `Policy(info)` is given. kind: one of `KINDS`.  pes: how many PEs there are."""

    kind: str
    pes: int


def make_dag(work: list[list[int]], arcs: Sequence[tuple[int, int, int]]) -> Dag:
    """Return a graph from its arcs (from, to, transfer ticks)."""
    predecessors: list[list[tuple[int, int]]] = [[] for _ in work]
    successors: list[list[tuple[int, int]]] = [[] for _ in work]
    for one, other, ticks in sorted(arcs):
        successors[one].append((other, ticks))
        predecessors[other].append((one, ticks))
    return Dag(work, predecessors, successors)


@dataclass(frozen=True)
class DagInstance(Instance):
    """One graph to place. draw: makes it when it is first needed.  kind: "static" or "contention"."""

    draw: Callable[[], Dag] = field(repr=False, compare=False)
    kind: Kind = "static"

    @cached_property
    def dag(self) -> Dag:
        """Return the graph."""
        return self.draw()


def topological(dag: Dag) -> list[int]:
    """Return the tasks in the order in which they get ready. Raises ValueError: a cycle."""
    return topological_order(dag.predecessors, lambda task: (successor for successor, _ in dag.successors[task]))


def fastest(dag: Dag) -> list[int]:
    """Return (n,) ticks: what each task takes on the PE that is fastest for it."""
    return [min(ticks for ticks in row if ticks != UNSUPPORTED) for row in dag.work]


def critical_path_ticks(dag: Dag, least: Sequence[int] | None = None) -> int:
    """Return the longest chain, ticks, no transfer counted. least: (n,) ticks of each task, default `fastest`."""
    least = fastest(dag) if least is None else least
    end = [0] * dag.tasks
    for task in topological(dag):
        end[task] = least[task] + max((end[before] for before, _ in dag.predecessors[task]), default=0)
    return max(end)


def makespan_bound_ticks(dag: Dag) -> int:
    """Return ticks below which no placement ends: the critical path, and all fastest work shared by all PEs."""
    return max(critical_path_ticks(dag), -(-sum(fastest(dag)) // dag.pes))


def mean_work(row: Sequence[int]) -> float:
    """Return the mean over the PEs that can run a task, ticks."""
    known = [ticks for ticks in row if ticks != UNSUPPORTED]
    return sum(known) / len(known)


def upward_ranks(dag: Dag) -> list[float]:
    """Return (n,) ticks: the longest chain from each task to an end, mean work and all transfers (HEFT, equation 3)."""
    rank = [0.0] * dag.tasks
    for task in reversed(topological(dag)):
        after = max((ticks + rank[successor] for successor, ticks in dag.successors[task]), default=0.0)
        rank[task] = mean_work(dag.work[task]) + after
    return rank
