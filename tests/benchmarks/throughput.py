"""Whole commands against a zero-latency model server on this machine: seconds, disk, and whether a run slows down.

Run: python tests/benchmarks/throughput.py [--programs 1000 3000] [--workers 2]
Every figure is that of the command as a user types it, start-up of Python included, with isolation on.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evolve.archive import Role, Store

HERE = Path(__file__).resolve().parent
TRIVIAL = HERE.parent / "plugins" / "trivial"
SERVER = HERE.parent / "model_server.py"


def run_folder_bytes(folder: Path) -> int:
    """Return the size of all files of a run."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def rates(folder: Path) -> tuple[float, float]:
    """Return programs per second among the first and the last 500 of a run, by the times of their making."""
    with Store.open(folder) as store:
        created = sorted(program.created for program in store.programs(Role.CHILD))
    count = min(500, len(created) // 2)
    return count / (created[count - 1] - created[0]), count / (created[-1] - created[-count])


def main() -> None:
    """Start the server, run the commands, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=int, nargs="+", default=[1000, 3000])
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()

    table = Table(title=f"evolve run trivial, {asked.workers} workers, {os.cpu_count()} cores, {platform.platform()}")
    for column in ("programs", "wall s", "ms a program", "first 500 /s", "last 500 /s", "last/first", "run folder MB"):
        table.add_column(column, justify="right")
    for programs in asked.programs:
        server = subprocess.Popen(
            [sys.executable, SERVER, "--port", "0", "--program", "trivial"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            base_url = server.stdout.readline().split()[-1]
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch) / "run"
                command = [sys.executable, "-m", "evolve", "run", TRIVIAL, "--model", "m", "--base-url", base_url]
                command += ["--evaluations", str(programs), "--workers", str(asked.workers), "--run", folder]
                began = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                wall_s = time.perf_counter() - began
                first, last = rates(folder)
                table.add_row(
                    f"{programs:,}",
                    f"{wall_s:.2f}",
                    f"{wall_s / programs * 1e3:.2f}",
                    f"{first:.0f}",
                    f"{last:.0f}",
                    f"{last / first:.2f}",
                    f"{run_folder_bytes(folder) / 1e6:.1f}",
                )
        finally:
            server.terminate()
            server.wait()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
