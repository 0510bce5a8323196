"""A good schedule of a shop without room for waiting jobs that is known whole, breakdowns included.

It is dispatched in an order that a search improves.

Of what could start now, the operation with the lowest key does. The keys are the starts in the best rule's schedule;
then, some thousand times, an operation of the chain that ends last, which waited for a machine, is put before one that
ran there while it waited; the new keys are kept when the makespan is not longer. It is no bound: another search, or a
shop that waits for an operation to come, may be better.
"""

from __future__ import annotations

import random

from evaluators.job_shop.chain import last_chain
from evaluators.job_shop.dispatching import Chooses, Floor, Option, Schedule, dispatched
from evaluators.job_shop.shop import Shop

DECISIONS = 150_000
"""How many operations are dispatched in all, one or two seconds."""
LEAST_TRIES = 100
WORSE_SHARE = 0.004
"""Of the makespan: how much longer it may get by a step at the start; less from step to step, 0 at the end."""


def keyed(keys: list[list[float]]) -> Chooses:
    """Return who starts the operation with the lowest key, on the machine that does it first. keys: per job and op."""

    def choose(floor: Floor, options: list[Option]) -> int:
        best, best_key = 0, (float("inf"), 0, 0)
        for index, (job, op, machine, ticks) in enumerate(options):
            key = (keys[job][op], ticks, machine)
            if key < best_key:
                best, best_key = index, key
        return best

    return choose


def searched(shop: Shop, known: Schedule, decisions: int = DECISIONS) -> Schedule:
    """Return the best schedule found; never longer than the one that is known."""
    rng = random.Random(0)
    keys = [[float(run.start) for run in runs] for runs in known.runs]
    current = dispatched(shop, True, keyed(keys))
    best = min(known, current, key=lambda one: one.makespan_ticks)
    count = sum(len(job.ops) for job in shop.jobs)
    tries = max(LEAST_TRIES, decisions // count)
    for turn in range(tries):
        waits = [link for link in last_chain(current) if link.behind is not None and link.wait_ticks]
        if not waits:
            break
        link = rng.choice(waits)
        run = current.runs[link.job][link.op]
        assert link.behind is not None
        job, op = link.behind
        if rng.random() < 0.5 or current.runs[job][op].start < run.ready:
            ahead = [
                (job, op)
                for job, runs in enumerate(current.runs)
                for op, other in enumerate(runs)
                if other.machine == run.machine and run.ready <= other.start < run.start
            ]
            if not ahead:
                continue
            job, op = rng.choice(ahead)
        old = keys[link.job][link.op]
        keys[link.job][link.op] = keys[job][op] - rng.random()
        found = dispatched(shop, True, keyed(keys))
        allowed = WORSE_SHARE * best.makespan_ticks * (1 - turn / tries) * rng.random()
        if found.makespan_ticks <= current.makespan_ticks + allowed:
            current = found
            if found.makespan_ticks < best.makespan_ticks:
                best = found
        else:
            keys[link.job][link.op] = old
    return best
