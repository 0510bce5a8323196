"""What an engine adds to an evaluation of 50 ms: local worker processes and Ray, with one and two workers.

    python -m tests.benchmarks.engines [--evaluations 200] [--engines local ray] [--workers 1 2]

The evaluation sleeps, so that other work on the host delays it little. Each row is a pool of its own that is given all
programs at once. overhead: seconds of a worker per evaluation beyond its 50 ms.  efficiency: 50 ms over that.
driver: CPU time of this process per evaluation.  all CPU: with the workers' (of Ray, this process alone).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
import time
from pathlib import Path

from evolve.config import resolve
from evolve.evaluator import Split
from evolve.scoring import Status
from evolve.workers import Pool, make_pool

SLEEP_S = 0.05
EVALUATOR = f"""import time

from evolve.evaluator import Evaluator, Instance, Outcome


class Fifty(Evaluator):
    name = "fifty"
    summary = "Takes 50 ms"
    defines = ("answer",)

    def instances(self, split):
        return [Instance(f"{{split}}/0")]

    def evaluate(self, candidate, instance):
        began = time.monotonic()
        found = candidate.call("answer")
        time.sleep(max(0.0, {SLEEP_S} - (time.monotonic() - began)))
        return Outcome(float(found), {{}}, "")
"""


async def evaluated(pool: Pool, programs: int) -> float:
    """Evaluate so many programs, all given at once; return the seconds it took."""

    async def one(number: int) -> None:
        async for result in pool.evaluate(f"def answer(): return {number}", Split.TRAIN, [0]):
            assert (result.status, result.score) == (Status.OK, float(number)), result

    await asyncio.gather(*(one(-1 - number) for number in range(4)))  # every worker is there and warm
    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(programs)))
    return time.perf_counter() - began


async def measure(problem: Path, engine: str, workers: int, programs: int) -> tuple[float, float]:
    """Return seconds, and CPU seconds of this process, for so many evaluations."""
    given = {"problem": str(problem), "engine": engine, "workers": workers, "ray.address": "local"}
    async with make_pool(resolve(None, [], given)) as pool:
        before = time.process_time()
        return await evaluated(pool, programs), time.process_time() - before


def main() -> None:
    """Print a row for each engine and number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--engines", nargs="+", default=["local", "ray"])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    given = parser.parse_args()
    print("| engine | workers | wall, s | overhead, ms | efficiency | driver, ms | all CPU, ms | load |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="evolve-engines-") as place:
        problem = Path(place) / "fifty"
        problem.mkdir()
        for name, text in (
            ("evaluator.py", EVALUATOR),
            ("seed.py", "def answer(): return 0\n"),
            ("problem.md", "# Fifty\n\nWrite `answer() -> float`.\n"),
        ):
            (problem / name).write_text(text)
        for engine in given.engines:
            for workers in given.workers:
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                wall_s, driver_s = asyncio.run(measure(problem, engine, workers, given.evaluations))
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                children_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                each_s = wall_s * workers / given.evaluations
                cells = [
                    f"{wall_s:.2f}",
                    f"{1e3 * (each_s - SLEEP_S):.1f}",
                    f"{SLEEP_S / each_s:.2f}",
                    f"{1e3 * driver_s / given.evaluations:.2f}",
                    f"{1e3 * (driver_s + (children_s if engine == 'local' else 0)) / given.evaluations:.2f}",
                    f"{os.getloadavg()[0]:.1f}",
                ]
                print(f"| {engine} | {workers} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
