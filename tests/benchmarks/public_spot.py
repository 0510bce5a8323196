"""The 1,080 runs of the public spot_single benchmark with the greedy baseline, isolated, on one core and on two.

Run: python tests/benchmarks/public_spot.py
`command` is the whole of `evolve score`, start-up of Python and of the workers included; `evaluation` is the rest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

GREEDY = Path(__file__).resolve().parents[2] / "evaluators" / "spot_single" / "baselines" / "greedy.py"


def main() -> None:
    """Score the baseline twice per number of workers and print the quicker one."""
    table = Table(title="spot_single, public split, greedy")
    for column in ("workers", "command s", "evaluation s", "of it candidate CPU s", "mean cost USD", "adrs_score"):
        table.add_column(column, justify="right")
    for workers in (1, 2):
        best: tuple[float, dict[str, object]] | None = None
        for _ in range(2):
            command = [sys.executable, "-m", "evolve", "score", "spot_single", str(GREEDY), "--split", "public"]
            began = time.perf_counter()
            done = subprocess.run([*command, "--workers", str(workers), "--json"], check=True, capture_output=True)
            taken = time.perf_counter() - began
            if best is None or taken < best[0]:
                best = taken, json.loads(done.stdout)
        assert best is not None
        command_s, score = best
        metrics = score["metrics"]
        assert isinstance(metrics, dict)
        table.add_row(
            str(workers),
            f"{command_s:.2f}",
            f"{score['wall_s']:.2f}",
            f"{score['cpu_s']:.2f}",
            f"{metrics['mean_cost_usd']:.10f}",
            f"{metrics['adrs_score']:.2f}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
