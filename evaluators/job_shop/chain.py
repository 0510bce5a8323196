"""The chain of operations that ends last: each starts when the one before it lets it."""

from __future__ import annotations

from typing import NamedTuple

from evaluators.job_shop.dispatching import Schedule


class Link(NamedTuple):
    """An operation of the chain. behind: the (job, operation) that left its machine when it started, if it waited."""

    job: int
    op: int
    wait_ticks: int
    behind: tuple[int, int] | None


def last_chain(schedule: Schedule) -> list[Link]:
    """Return the operations from the one that ends last back to one that nothing delayed, the last first.

    A wait for a machine that is broken ends the chain.
    """
    leaves: dict[tuple[int, int], tuple[int, int]] = {}
    for job, runs in enumerate(schedule.runs):
        for op, run in enumerate(runs):
            leaves[run.machine, run.left] = (job, op)
    job = max(range(len(schedule.runs)), key=lambda j: (schedule.runs[j][-1].end, -j))
    op = len(schedule.runs[job]) - 1
    chain: list[Link] = []
    met = set()
    while (job, op) not in met:
        met.add((job, op))
        run = schedule.runs[job][op]
        behind = leaves.get((run.machine, run.start)) if run.start > run.ready else None
        chain.append(Link(job, op, run.start - run.ready, behind))
        if run.start == run.ready:
            if not op:
                break
            op -= 1
        elif behind is None:
            break
        else:
            job, op = behind
            gone = schedule.runs[job][op]
            if gone.left > gone.end:  # it was blocked: what it waited for delayed this one
                op += 1
    return chain
