"""A good schedule of a shop without room for waiting jobs that is known whole, breakdowns included.

It is dispatched in an order that simulated annealing improves: of what could start now, the operation with the lowest
key does. The keys are the starts in the best rule's schedule; a step puts an operation of the chain that ends last
before one that ran while it waited, or gives one the key of any other, or moves a whole job. It is no bound: another
search, or a shop that waits for an operation to come, may be better.
"""

from __future__ import annotations

import math
import random

from evaluators.job_shop.chain import last_chain
from evaluators.job_shop.dispatching import Chooses, Floor, Option, Schedule, dispatched
from evaluators.job_shop.shop import Shop

DECISIONS = 150_000
"""How many operations are dispatched in all, one or two seconds."""
LEAST_TRIES = 100
ANYWHERE_SHARE = 0.3
"""Of the steps: how many have nothing to do with the chain that ends last."""
WARMTH = 1.0
"""At the start a change for the worse of this share of the mean duration is made with a probability of 1 / e."""


def searched(shop: Shop, known: Schedule, decisions: int = DECISIONS) -> Schedule:
    """Return the best schedule found; never longer than the one that is known."""
    rng = random.Random(0)
    ticks = [op[0][1] for job in shop.jobs for op in job.ops]
    tries = max(LEAST_TRIES, decisions // len(ticks))
    hottest = WARMTH * sum(ticks) / len(ticks)
    keys = [[float(run.start) for run in runs] for runs in known.runs]
    current = dispatched(shop, True, _keyed(keys))
    best = min(known, current, key=lambda one: one.makespan_ticks)
    for turn in range(tries):
        changed = [list(row) for row in keys]
        if rng.random() < ANYWHERE_SHARE:
            _change_anything(changed, hottest, rng)
        elif not _put_before(changed, current, rng):
            continue
        found = dispatched(shop, True, _keyed(changed))
        worse = found.makespan_ticks - current.makespan_ticks
        if worse <= 0 or rng.random() < math.exp(-worse / max(1e-9, hottest * (1 - turn / tries))):
            keys, current = changed, found
            best = min(best, found, key=lambda one: one.makespan_ticks)
    return best


def _keyed(keys: list[list[float]]) -> Chooses:
    """Return who starts the operation with the lowest key. keys: per job and operation."""

    def choose(floor: Floor, options: list[Option]) -> int:
        return min(range(len(options)), key=lambda k: keys[options[k].job][options[k].op])

    return choose


def _change_anything(keys: list[list[float]], ticks: float, rng: random.Random) -> None:
    """Give an operation the key of another, about, and now and then all of a job keys some `ticks` off."""
    job, other = rng.randrange(len(keys)), rng.randrange(len(keys))
    keys[job][rng.randrange(len(keys[job]))] = rng.choice(keys[other]) + rng.uniform(-1, 1)
    if rng.random() < 0.5:
        shift = rng.gauss(0, 2 * ticks)
        keys[job] = [key + shift for key in keys[job]]


def _put_before(keys: list[list[float]], current: Schedule, rng: random.Random) -> bool:
    """Put an operation of the last chain before one that ran on its machine while it waited; False if none did."""
    waits = [link for link in last_chain(current) if link.behind is not None and link.wait_ticks]
    if not waits:
        return False
    link = rng.choice(waits)
    run = current.runs[link.job][link.op]
    ahead = [
        keys[job][op]
        for job, runs in enumerate(current.runs)
        for op, other in enumerate(runs)
        if other.machine == run.machine and run.ready <= other.start < run.start
    ]
    if ahead:
        keys[link.job][link.op] = rng.choice(ahead) - rng.random()
    return bool(ahead)
