"""Kinds `static` and `contention`: from an order and a PE for each task to a schedule.

Plain Python, and no simpy: nothing happens by chance or by itself, a schedule is a list of start times.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evaluators.heterogeneous_dag.dag import UNSUPPORTED, Dag
from evolve.evaluator import Infeasible, index_array


class Transfer(NamedTuple):
    """Data of task `before` on their way to another PE, where `task` needs them: in [start, end), ticks."""

    before: int
    task: int
    start: int
    end: int


@dataclass(frozen=True)
class Schedule:
    """When and where each task runs; start, end: (n,) ticks, pe: (n,).  transfers: those between two PEs."""

    start: list[int]
    end: list[int]
    pe: list[int]
    transfers: list[Transfer]

    @property
    def makespan_ticks(self) -> int:
        """Return when the last task ends."""
        return max(self.end)


def data_at_ticks(dag: Dag, task: int, pe: int, ends: Sequence[int], pes: Sequence[int]) -> int:
    """Return when all inputs of a task are on a PE. ends, pes: (n,), of its predecessors at least."""
    return max(
        (ends[before] + (0 if pes[before] == pe else ticks) for before, ticks in dag.predecessors[task]), default=0
    )


def scheduled(dag: Dag, order: Sequence[int], pe: Sequence[int], contention: bool = False) -> Schedule:
    """Place task after task, each into the earliest gap on its PE that is long enough and after its inputs arrive.

    order: (n,) tasks, each after its predecessors.  pe: (n,), PEs that can run them.
    contention: whether two PEs share one bus, both ways, that carries one transfer at a time. A task's inputs are then
    put on their buses just before the task is placed, that of the predecessor that ends first (then the lowest number)
    first, each into the earliest gap of its bus that is long enough and after the predecessor's end.
    """
    start, end = [0] * dag.tasks, [0] * dag.tasks
    busy: list[list[tuple[int, int]]] = [[] for _ in range(dag.pes)]
    buses: dict[tuple[int, int], list[tuple[int, int]]] = {}
    transfers = []
    for task in order:
        here, at = pe[task], 0
        for before, ticks in sorted(dag.predecessors[task], key=lambda arc: (end[arc[0]], arc[0])):
            there, sent = pe[before], end[before]
            if there != here:
                if contention and ticks:
                    sent = _put(buses.setdefault((min(here, there), max(here, there)), []), sent, ticks)
                transfers.append(Transfer(before, task, sent, sent + ticks))
                sent += ticks
            at = max(at, sent)
        start[task] = _put(busy[here], at, dag.work[task][here])
        end[task] = start[task] + dag.work[task][here]
    return Schedule(start, end, list(pe), transfers)


def _put(busy: list[tuple[int, int]], at: int, ticks: int) -> int:
    """Add the first interval of so many ticks, from a tick on, that lies beside all others; return its start."""
    for from_tick, to_tick in busy:
        if at + ticks <= from_tick:
            break
        at = max(at, to_tick)
    insort(busy, (at, at + ticks))
    return at


def read_placement(answer: Any, dag: Dag) -> tuple[list[int], list[int]]:
    """Read `(order, pe)` of a program. Raises Infeasible that names the task."""
    if not isinstance(answer, list) or len(answer) != 2:
        raise Infeasible(f"the answer is {answer!s:.60}, expected (order, pe), two lists of {dag.tasks} whole numbers")
    order: list[int] = index_array(answer[0], (dag.tasks,), dag.tasks, "task at place").tolist()
    pe: list[int] = index_array(answer[1], (dag.tasks,), dag.pes, "PE of task").tolist()
    place = [-1] * dag.tasks
    for at, task in enumerate(order):
        if place[task] >= 0:
            raise Infeasible(f"task {task} is in the order twice, at places {place[task]} and {at}")
        place[task] = at
    for task, before in enumerate(dag.predecessors):
        for other, _ in before:
            if place[other] > place[task]:
                raise Infeasible(f"task {task} comes before its predecessor {other} in the order")
        if dag.work[task][pe[task]] == UNSUPPORTED:
            able = [k for k, ticks in enumerate(dag.work[task]) if ticks != UNSUPPORTED]
            raise Infeasible(f"PE {pe[task]} cannot run task {task}; PEs {able} can")
    return order, pe
