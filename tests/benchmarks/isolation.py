"""What the sandbox costs: candidate start, decision round trip, memory of an idle child. Prints a table.

Run: python tests/benchmarks/isolation.py
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sandbox import Limits, Sandbox

PROGRAM = """
def answer():
    return 1.0

class Policy:
    def __init__(self, info): pass
    def decide(self, obs): return obs
"""
STARTS, CALLS, IDLE = 300, 20_000, 10


def microseconds(samples: list[float]) -> tuple[str, str]:
    """Return median and 99th percentile, in us."""
    ordered = sorted(samples)
    return f"{statistics.median(ordered) * 1e6:,.1f}", f"{ordered[int(0.99 * len(ordered))] * 1e6:,.1f}"


def timed(samples: list[float], work: object, *arguments: object) -> object:
    """Call `work` and note how long it took."""
    began = time.perf_counter()
    result = work(*arguments)  # type: ignore[operator]
    samples.append(time.perf_counter() - began)
    return result


def proportional_kb(pid: int) -> int:
    """Return the proportional set size of a process, kB (root or the same user only)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError("no Pss in smaps_rollup")


def main() -> None:
    """Measure on one core, as a worker and its candidates run."""
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    start: list[float] = []
    whole: list[float] = []
    trip: list[float] = []
    without_counter: list[float] = []
    batch: list[float] = []
    with Sandbox(Limits(counter=True)) as sandbox:
        missing = [layer.name for layer in sandbox.layers if not layer.active]
        for _ in range(STARTS):
            began = time.perf_counter()
            candidate = timed(start, sandbox.start, PROGRAM)
            candidate.call("answer")  # type: ignore[attr-defined]
            candidate.close()  # type: ignore[attr-defined]
            whole.append(time.perf_counter() - began)
        with sandbox.start(PROGRAM) as candidate:
            run = candidate.new("Policy", 0)
            for i in range(CALLS):
                timed(trip, run.call, "decide", i)
            runs = [candidate.new("Policy", 0) for _ in range(64)]
            for _ in range(CALLS // 20):
                timed(batch, candidate.map, runs, "decide", list(range(64)))
        idle = [sandbox.start(PROGRAM) for _ in range(IDLE)]
        for candidate in idle:
            candidate.call("answer")
        pss_kb = [proportional_kb(candidate.host_pid) for candidate in idle]
        for candidate in idle:
            candidate.close()

    with Sandbox(Limits()) as sandbox, sandbox.start(PROGRAM) as candidate:
        run = candidate.new("Policy", 0)
        for i in range(CALLS):
            timed(without_counter, run.call, "decide", i)

    table = Table(title=f"sandbox on core {core}; layers missing: {', '.join(missing) or 'none'}")
    for column in ("what", "median", "p99", "unit"):
        table.add_column(column)
    table.add_row("candidate start (fork, confine, import)", *microseconds(start), "us")
    table.add_row("start, one call, end", *microseconds(whole), "us")
    table.add_row("decision round trip", *microseconds(trip), "us")
    table.add_row("the same, the processor's counter refused", *microseconds(without_counter), "us")
    table.add_row("64 decisions in one message", *microseconds(batch), "us")
    table.add_row(f"memory of an idle child (PSS, {IDLE} at once)", f"{statistics.median(pss_kb):,}", "", "kB")
    Console().print(table)


if __name__ == "__main__":
    main()
