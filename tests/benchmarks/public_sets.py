"""The public and train sets of the spot domains with a baseline, isolated: what the candidate costs and what we cost.

Run: python tests/benchmarks/public_sets.py
`command` is the whole of `evolve score`, start-up of Python and of the workers included; `evaluation` is the rest.
`all CPU` is what the command and its workers used together; `candidate CPU` of it, what the program under test used.
On a busy machine compare CPU, not time. Best of two. The public verifiers take 20 s of CPU for spot_single (1,080 runs)
and 37 s for spot_multi (34 runs).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

EVALUATORS = Path(__file__).resolve().parents[2] / "evaluators"

CASES = (
    ("spot_single", "greedy", "public", 1),
    ("spot_single", "greedy", "public", 2),
    ("spot_single", "greedy", "train", 1),
    ("spot_multi", "greedy_moves_on", "public", 1),
    ("spot_multi", "greedy_moves_on", "public", 2),
    ("spot_multi", "greedy_moves_on", "train", 1),
)
"""Evaluator, baseline, split, workers."""


@dataclass(frozen=True)
class Measured:
    """One run of `evolve score`: wall and CPU seconds of the command, and what it printed."""

    command_s: float
    all_cpu_s: float
    report: dict[str, Any]


def measure(evaluator: str, baseline: str, split: str, workers: int) -> Measured:
    """Score a baseline once."""
    program = EVALUATORS / evaluator / "baselines" / f"{baseline}.py"
    command = [sys.executable, "-m", "evolve", "score", evaluator, str(program), "--split", split, "--json"]
    before, began = os.times(), time.perf_counter()
    done = subprocess.run([*command, "--workers", str(workers)], check=True, capture_output=True)
    after, taken = os.times(), time.perf_counter() - began
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(taken, cpu_s, json.loads(done.stdout))


def main() -> None:
    """Score every case twice and print the run that used less CPU."""
    table = Table(title="baselines on the spot domains")
    table.add_column("case")
    for column in ("workers", "command s", "evaluation s", "all CPU s", "candidate CPU s", "score", "adrs_score"):
        table.add_column(column, justify="right")
    for evaluator, baseline, split, workers in CASES:
        runs = [measure(evaluator, baseline, split, workers) for _ in range(2)]
        best = min(runs, key=lambda run: run.all_cpu_s)
        published = best.report["metrics"].get("adrs_score")
        table.add_row(
            f"{evaluator} {split} {baseline}",
            str(workers),
            f"{best.command_s:.2f}",
            f"{best.report['wall_s']:.2f}",
            f"{best.all_cpu_s:.2f}",
            f"{best.report['cpu_s']:.2f}",
            f"{best.report['score']:.2f}",
            "" if published is None else f"{published:.2f}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
