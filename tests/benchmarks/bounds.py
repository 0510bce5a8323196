"""What bounds a large run: drivers, a database and workers with measured costs, simulated, and which is full first.

    python -m tests.benchmarks.bounds [--cores 100 1000 10000] [--evaluation-s 1 10 60 600] [--drivers 1 4 16] ...

Every core asks for a program and waits its turn at its driver, which chooses, asks, reads the answer, hands the program
over and takes its figures: CPU time of one process. Then what has come of it is committed, where the writers of one run
take turns in the database, since its events are one sequence; and the program is evaluated, which varies by a tenth.
Models are not simulated: they answer in time when enough calls are on their way, which the last column counts. Costs
are in ms; the defaults are those that `throughput` and `engines` measured with an SQLite archive at a load of 13 to 18
on 2 cores, so a quiet host does better.

Prints the programs per second and the share of the time in which each part works, beside what arithmetic says.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import simpy

MOST_PROGRAMS = 20_000
"""Programs that are simulated of a case, and at least three of every core."""


@dataclass(frozen=True)
class Costs:
    """Measured, in ms. driver_ms: CPU time of the driver per program.

    commits: per program.  commit_ms: of each, while no other writer has its turn.
    engine_ms: of a worker per evaluation, between the end of one and the beginning of the next.
    """

    driver_ms: float
    commits: float
    commit_ms: float
    engine_ms: float

    @property
    def writes_ms(self) -> float:
        """Milliseconds of the database's one sequence per program."""
        return self.commits * self.commit_ms


@dataclass(frozen=True)
class Found:
    """Programs per second, and the share of the time in which cores, drivers and the database work."""

    rate: float
    cores: float
    drivers: float
    database: float


def bound(costs: Costs, cores: int, evaluation_s: float, drivers: int) -> tuple[float, str]:
    """Return the most programs per second that each part allows, the least of them, and its name."""
    parts = {
        "cores": cores / (evaluation_s + costs.engine_ms / 1e3),
        "drivers": 1e3 * drivers / costs.driver_ms,
        "database": 1e3 / costs.writes_ms,
    }
    name = min(parts, key=lambda part: parts[part])
    return parts[name], name


def simulate(costs: Costs, cores: int, evaluation_s: float, drivers: int) -> Found:
    """Return what a case comes to, its beginning left out, in which all cores ask at once."""
    rng, env = random.Random(0), simpy.Environment()
    drives = [simpy.Resource(env) for _ in range(drivers)]
    database = simpy.Resource(env)
    total = max(MOST_PROGRAMS, 3 * cores)
    began_s = done = 0.0
    busy = {"cores": 0.0, "drivers": 0.0, "database": 0.0}

    def used(resource: simpy.Resource, name: str, took_s: float) -> Iterator[Any]:
        with resource.request() as turn:
            yield turn
            yield env.timeout(took_s)
        busy[name] += took_s

    def core(number: int) -> Iterator[Any]:
        nonlocal done, began_s
        driver = drives[number % drivers]
        while done < total:
            yield from used(driver, "drivers", costs.driver_ms / 1e3)
            yield from used(database, "database", costs.writes_ms / 1e3)
            took_s = evaluation_s * rng.uniform(0.9, 1.1)
            yield env.timeout(took_s + costs.engine_ms / 1e3)
            busy["cores"] += took_s
            done += 1
            if done == cores:
                began_s = env.now
                busy.update(dict.fromkeys(busy, 0.0))

    ended = [env.process(core(number)) for number in range(cores)]
    env.run(until=env.any_of(ended))
    took_s, counted = env.now - began_s, done - cores
    shares = (busy["cores"] / cores, busy["drivers"] / drivers, busy["database"])
    return Found(counted / took_s, *(share / took_s for share in shares))


def main() -> None:
    """Print a row for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", nargs="+", type=int, default=[100, 1_000, 10_000])
    parser.add_argument("--evaluation-s", nargs="+", type=float, default=[1.0, 10.0, 60.0, 600.0])
    parser.add_argument("--drivers", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--driver-ms", type=float, default=11.0)
    parser.add_argument("--commits", type=float, default=4.0)
    parser.add_argument("--commit-ms", type=float, default=0.4)
    parser.add_argument("--engine-ms", type=float, default=6.0)
    parser.add_argument("--latency-s", type=float, default=30.0, help="of a model, for the calls on their way")
    given = parser.parse_args()
    costs = Costs(given.driver_ms, given.commits, given.commit_ms, given.engine_ms)
    print(f"{costs}\n")
    titles = ("cores", "evaluation, s", "drivers", "programs/s", "bound by", "by arithmetic")
    print(f"| {' | '.join((*titles, 'cores', 'drivers', 'database', 'calls'))} |")
    print("|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|")
    for cores, evaluation_s, drivers in itertools.product(given.cores, given.evaluation_s, given.drivers):
        found = simulate(costs, cores, evaluation_s, drivers)
        most, name = bound(costs, cores, evaluation_s, drivers)
        shares = " | ".join(f"{100 * share:.0f} %" for share in (found.cores, found.drivers, found.database))
        print(
            f"| {cores:,} | {evaluation_s:g} | {drivers} | {found.rate:.1f} | {name} | {most:.1f} | {shares} | "
            f"{found.rate * given.latency_s:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
