"""Whole commands against a zero-latency model server on this machine: seconds, disk, and whether a run slows down.

    python -m tests.benchmarks.throughput [--programs 1000 3000] [--workers 2] [--onto 100000] [--archive own]

--onto: resume a run that has so many programs already, whose archive is made first (see growth.py). --archive own: in a
PostgreSQL server that is started here.
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
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from growth import make
from loop_parts import trivial_problem
from postgres_server import PASSWORD, Server

from evolve.archive import Role, Store

TESTS = Path(__file__).resolve().parent.parent
TRIVIAL = TESTS / "plugins" / "trivial"
SERVER = TESTS / "model_server.py"


def run_folder_bytes(folder: Path) -> int:
    """Return the size of all files of a run."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def rates(folder: Path, programs: int) -> tuple[float, float]:
    """Return programs per second among the first and the last 500 of the newest, by the times of their making."""
    with Store.open(folder) as store:
        created = sorted(program.created for program in store.programs(Role.CHILD))[-programs:]
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


def measured(programs: int, asked: argparse.Namespace, base_url: str, archive: str, scratch: Path) -> list[str]:
    """Run, or resume, for so many programs; return a row of the table."""
    folder = scratch / "run"
    if asked.onto:
        make(folder, asked.onto, trivial_problem(), model__base_url=base_url)
        command: list[str | Path] = ["resume", folder, "--trust"]
    else:
        command = ["run", TRIVIAL, "--model", "m", "--base-url", base_url, "--run", folder]
        command += ["--archive", archive] if archive else []
    command = [sys.executable, "-m", "evolve", *command, "--workers", str(asked.workers)]
    command += ["--evaluations", str(asked.onto + programs)]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    driver_s, peak_mb = watched(command)
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    all_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    first, last = rates(folder, programs)
    return [
        f"{asked.onto:,} + {programs:,}" if asked.onto else f"{programs:,}",
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
    ]


def main() -> None:
    """Start the servers, run the commands, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, nargs="+", default=[1000, 3000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--onto", type=int, default=0)
    parser.add_argument("--archive", choices=["own"])
    asked = parser.parse_args()

    where = "PostgreSQL" if asked.archive else "SQLite"
    title = f"evolve run trivial, {asked.workers} workers, {os.cpu_count()} cores, {where}, {platform.platform()}"
    table = Table(title=title)
    rates_of = ("programs", "wall s", "ms each", "first 500 /s", "last 500 /s", "last/first")
    for column in (*rates_of, "driver ms", "CPU ms", "driver MB", "folder MB", "load"):
        table.add_column(column, justify="right")
    for programs in asked.programs:
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evolve-throughput-")))
            archive = ""
            if asked.archive:
                os.environ["PGPASSWORD"] = PASSWORD
                database = Server(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evolve-pg-"))))
                stack.callback(database.stop)
                archive = database.url
            models = [sys.executable, SERVER, "--port", "0", "--program", "trivial"]
            server = stack.enter_context(subprocess.Popen(models, stdout=subprocess.PIPE, text=True))
            stack.callback(server.terminate)
            assert server.stdout is not None
            base_url = server.stdout.readline().split()[-1]
            table.add_row(*measured(programs, asked, base_url, archive, scratch))
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
