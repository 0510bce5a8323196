"""Whole commands against a zero-latency model server on this machine: seconds, disk, and whether a run slows down.

Run: python tests/benchmarks/throughput.py [--programs 1000 3000] [--workers 2]
Every figure is that of the command as a user types it, start-up of Python included, with isolation on. CPU times are of
the driver alone and of all (driver, workers, sandboxes): on a busy host they tell more than the seconds on the wall.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
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


def watched(command: list[str | Path]) -> tuple[float, float]:
    """Run a command; return the CPU seconds and the most memory in MB of its own process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    cpu_s = peak_mb = 0.0
    while process.poll() is None:
        try:
            fields = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()
            cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") or cpu_s
            peak = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
            peak_mb = int(peak[1]) / 1024 if peak else peak_mb
        except OSError:
            break
        time.sleep(0.05)
    if process.wait():
        raise SystemExit(f"exit code {process.returncode}")
    return cpu_s, peak_mb


def main() -> None:
    """Start the server, run the commands, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=int, nargs="+", default=[1000, 3000])
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()

    table = Table(title=f"evolve run trivial, {asked.workers} workers, {os.cpu_count()} cores, {platform.platform()}")
    rates_of = ("programs", "wall s", "ms each", "first 500 /s", "last 500 /s", "last/first")
    for column in (*rates_of, "driver ms", "CPU ms", "driver MB", "folder MB", "load"):
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
                began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
                driver_s, peak_mb = watched(command)
                wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
                all_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                first, last = rates(folder)
                table.add_row(
                    f"{programs:,}",
                    f"{wall_s:.2f}",
                    f"{wall_s / programs * 1e3:.2f}",
                    f"{first:.0f}",
                    f"{last:.0f}",
                    f"{last / first:.2f}",
                    f"{driver_s / programs * 1e3:.2f}",
                    f"{all_s / programs * 1e3:.2f}",
                    f"{peak_mb:.0f}",
                    f"{run_folder_bytes(folder) / 1e6:.1f}",
                    f"{os.getloadavg()[0]:.1f}",
                )
        finally:
            server.terminate()
            server.wait()
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
