"""Orders: an answer that has to be one, and tasks that come after others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Any

from evolve.evaluator import Infeasible, index_array


def checked_order(answer: Any, count: int, what: str) -> list[int]:
    """Read an answer as an order of all things, each once. what: one of them, "job", for the messages.

    Raises Infeasible that names the place and the thing.
    """
    if isinstance(answer, list):
        for place, index in enumerate(answer):
            # numpy would take True for 1 in a list that also holds whole numbers, and 2**63 for a float.
            if type(index) is not int or not 0 <= index < count:
                raise Infeasible(
                    f"place {place} of the order is {index!r:.40} ({type(index).__name__}), "
                    f"expected a {what}, a whole number (int) in 0..{count - 1}"
                )
    order: list[int] = index_array(answer, (count,), count, f"the {what} at place").tolist()
    if len(set(order)) < count:
        first: dict[int, int] = {}
        for place, index in enumerate(order):
            if first.setdefault(index, place) != place:
                break
        missing = sorted(set(range(count)) - set(order))
        raise Infeasible(
            f"{what} {index} is in the order twice, at places {first[index]} and {place}; "
            f"{len(missing)} of {count} are missing, the first of them {what} {missing[0]}"
        )
    return order


def topological_order(predecessors: Sequence[Sized], successors: Callable[[int], Iterable[int]]) -> list[int]:
    """Return tasks in the order in which they get ready, each after its predecessors. Raises ValueError: a cycle.

    predecessors: per task, those that it waits for.  successors: of a task, the tasks that wait for it.
    """
    missing = [len(before) for before in predecessors]
    order = [task for task, count in enumerate(missing) if not count]
    for task in order:
        for successor in successors(task):
            missing[successor] -= 1
            if not missing[successor]:
                order.append(successor)
    if len(order) < len(missing):
        raise ValueError(f"task {next(t for t, count in enumerate(missing) if count)} is its own successor")
    return order
