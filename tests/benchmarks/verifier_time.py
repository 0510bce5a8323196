"""What a split costs: CPU seconds of the candidate and of the verifier apart, per baseline, on one core.

Run: python tests/benchmarks/verifier_time.py [llm_sql ...] [--split train]
`making` is what the verifier takes in addition when a process sees the instances for the first time (drawing tables,
reading stored figures); `verifier` is what it takes from then on, sending and receiving included. `wall` is that of
candidate and verifier together, for the second time.
"""

from __future__ import annotations

import argparse
import os
import time

from rich.console import Console
from rich.table import Table

from evolve.evaluator import Evaluator, Split
from evolve.registry import load_problem
from sandbox import Sandbox


def spent(evaluator: Evaluator, sandbox: Sandbox, source: str, split: Split) -> tuple[float, float, float, float]:
    """Score a program on all instances. Returns candidate CPU s, verifier CPU s, wall s, mean score."""
    candidate_s, verifier_s, scores = 0.0, 0.0, []
    began = time.perf_counter()
    for instance in evaluator.instances(split):
        before_s = time.process_time()
        with sandbox.start(source) as candidate:
            outcome = evaluator.evaluate(candidate, instance)
        verifier_s += time.process_time() - before_s
        candidate_s += sum(process.cpu_s for process in candidate.processes)
        scores.append(outcome.score or 0.0)
    return candidate_s, verifier_s, time.perf_counter() - began, sum(scores) / len(scores)


def main() -> None:
    """Print a table for each problem."""
    parser = argparse.ArgumentParser()
    parser.add_argument("problems", nargs="*", default=["llm_sql"])
    parser.add_argument("--split", type=Split, default=Split.TRAIN)
    asked = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for name in asked.problems:
        problem = load_problem(name)
        evaluator = problem.evaluator
        table = Table(title=f"{name}, {asked.split}, {len(evaluator.instances(asked.split))} instances, one core")
        for column in ("program", "candidate CPU s", "verifier CPU s", "making CPU s", "wall s", "score"):
            table.add_column(column, justify="right")
        with Sandbox(evaluator.limits, libraries=evaluator.libraries) as sandbox:
            for program, source in {"seed": problem.seed, **problem.baselines}.items():
                _, first_s, _, _ = spent(evaluator, sandbox, source, asked.split)
                candidate_s, verifier_s, wall_s, score = spent(evaluator, sandbox, source, asked.split)
                making_s = max(0.0, first_s - verifier_s)
                table.add_row(program, *(f"{s:.2f}" for s in (candidate_s, verifier_s, making_s, wall_s, score)))
        Console(width=110).print(table)


if __name__ == "__main__":
    main()
