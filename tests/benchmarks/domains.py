"""Every bundled problem on every split that it has, one program on one core, isolated: seconds against their limits.

Run: python tests/benchmarks/domains.py [NAME ...] [--baseline NAME] [--repeats 3]
The program is the seed, or the baseline named. `candidate` is CPU of the candidate's processes, from the fork on;
`verifier` CPU of the process that makes the instances, talks to candidates and scores them; `wall` is all of it as one
waits for it, the best of the repeats; `first` the same the first time, when instances are drawn and files are read.
On a machine that does other work, only the CPU columns mean much.
"""

from __future__ import annotations

import argparse
import os
import time

from rich.console import Console
from rich.table import Table

from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.registry import Problem, list_problems, load_problem
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

LIMIT_S = {
    ("spot_single", Split.PUBLIC): 5.0,
    ("spot_multi", Split.PUBLIC): 2.0,
    ("txn_scheduling", Split.PUBLIC): 1.0,
    ("prism", Split.PUBLIC): 0.3,
    ("cloudcast", Split.PUBLIC): 0.5,
    ("llm_sql", Split.TRAIN): 5.0,
    ("llm_batching", Split.TRAIN): 4.0,
    ("pd_disaggregation", Split.TRAIN): 4.0,
    ("single_machine_tardiness", Split.PUBLIC): 5.0,
    ("flow_time", Split.PUBLIC): 3.0,
    ("job_shop", Split.PUBLIC): 4.0,
}
"""Wall seconds that a split may take; every other train split 2 s."""


def measured(problem: Problem, program: str, split: Split, repeats: int) -> tuple[int, list[tuple[float, ...]], str]:
    """Return how many instances there are, (wall, candidate CPU, verifier CPU) s of every repeat, and any failures."""
    rows, failed = [], {}
    evaluator = problem.evaluator
    with Sandbox(evaluator.limits, tuple(evaluator.libraries)) as sandbox:
        assert sandbox.layers  # starts it
        for _ in range(repeats):
            wall, own = time.perf_counter(), time.process_time()
            instances = problem.instances(split)
            results = [evaluate_instance(evaluator, sandbox, program, instance) for instance in instances]
            rows.append((time.perf_counter() - wall, sum(r.cpu_s for r in results), time.process_time() - own))
            failed = {r.instance_id: r.status for r in results if r.status is not Status.OK}
    return len(instances), rows, ", ".join(f"{id_} {status}" for id_, status in list(failed.items())[:3])


def main() -> None:
    """Measure and print one row per problem and split."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=[listing.name for listing in list_problems() if not listing.error])
    parser.add_argument("--baseline", help="a baseline in place of the seed")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # as a worker does: candidates share its core
    table = Table(title=f"{asked.baseline or 'seed'}, one core, best of {asked.repeats}, seconds")
    for column in ("problem", "split", "instances", "candidate", "verifier", "wall", "first", "limit", ""):
        table.add_column(column, justify="left" if column in ("problem", "split", "") else "right")
    for name in asked.names:
        problem = load_problem(name)
        program = problem.baselines[asked.baseline] if asked.baseline else problem.seed
        for split in problem.evaluator.splits:
            try:
                count, rows, failed = measured(problem, program, split, asked.repeats)
            except UsageError as error:
                table.add_row(name, split, "-", "-", "-", "-", "-", "-", str(error))
                continue
            wall, candidate, verifier = min(rows)
            limit = LIMIT_S.get((name, split), 2.0 if split is Split.TRAIN else None)
            verdict = "" if limit is None else "ok" if wall <= limit else "over"
            table.add_row(
                name,
                split,
                str(count),
                f"{candidate:.2f}",
                f"{verifier:.2f}",
                f"{wall:.2f}",
                f"{rows[0][0]:.2f}",
                "" if limit is None else f"{limit:g}",
                failed or verdict,
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
