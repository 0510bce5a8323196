"""A slow model: are the workers kept busy, what does waiting cost, and how many calls can be on their way?

    python -m tests.benchmarks.waiting [busy] [idle] [flight]

busy: a model that takes 2 s, 50 calls on their way, two workers whose evaluations take 100 ms (they sleep, so that
other work on the host delays them little): the share of the time in which a worker has a program. Aim: 0.9.
idle: a model that does not answer, 8 and 200 calls on their way: CPU time of the whole run, workers and sandboxes
included, over 20 s. Aim: 2 % of a core.
flight: 200 calls on their way at 2 s each, an evaluation that takes no time: calls per second, of the 100 that are
possible, and CPU time of the driver per call.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from model_server import ModelServer, Reply

from evolve.archive import EventKind, Store
from evolve.evaluator import Split
from tests.benchmarks.kills import descendants

HERE = Path(__file__).resolve().parent
TRIVIAL = HERE.parent / "plugins" / "trivial"
LATENCY_S, EVALUATION_S, FOR_EVER_S = 2.0, 0.1, 3600.0
TICKS = os.sysconf("SC_CLK_TCK")


def answers(latency_s: float) -> Any:
    """Return a script that gives every request another program after so long."""

    def script(request: dict[str, Any], number: int) -> Reply:
        text = f"```python\nX = {number % 80}.{number:06d}\n\n\ndef answer():\n    return X\n```"
        return Reply(text, delay_s=latency_s * random.Random(number).uniform(0.9, 1.1))

    return script


def sleeping_problem(folder: Path) -> Path:
    """Return a copy of the trivial problem whose evaluation takes EVALUATION_S."""
    folder.mkdir()
    for name in ("seed.py", "problem.md"):
        (folder / name).write_text((TRIVIAL / name).read_text())
    text = (TRIVIAL / "evaluator.py").read_text()
    asked = '        x = candidate.call("answer")\n'
    assert asked in text
    text = text.replace(asked, f"{asked}        __import__('time').sleep({EVALUATION_S})\n")
    (folder / "evaluator.py").write_text(text)
    return folder


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process so far, 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def running(server: ModelServer, problem: Path, folder: Path, calls: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run with so many calls on their way; ended at the end."""
    command = [sys.executable, "-m", "evolve", "run", str(problem), "--model", "m", "--base-url", server.base_url]
    command += ["--set", f"model.concurrency={calls}", "--workers", "2", "--evaluations", "1000000"]
    command += ["--set", "model.timeout_s=7200", "--run", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while server.open < calls:
            assert process.poll() is None
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def busy(place: Path) -> str:
    """Return the share of the time in which workers had programs."""
    with ModelServer(answers(LATENCY_S), record=False) as server:
        with running(server, sleeping_problem(place / "sleeping"), place / "busy", 50):
            time.sleep(30.0)
        with Store.open(place / "busy") as store:
            scored = [event for event in store.events(EventKind.SCORED) if event.step > 0]
            first, last = scored[0].time + 5.0, scored[-1].time
            within = [event.step for event in scored if first < event.time <= last]
            taken_s = sum(result.wall_s for step in within for result in store.evaluations(step, Split.TRAIN))
    share = taken_s / (2 * (last - first))
    return f"busy: {len(within) / (last - first):.1f} programs/s, workers had a program {100 * share:.0f} % of the time"


def idle(place: Path) -> str:
    """Return the share of a core that waiting takes."""
    lines = []
    for calls in (8, 200):
        with (
            ModelServer(answers(FOR_EVER_S), record=False) as server,
            running(server, TRIVIAL, place / f"idle{calls}", calls) as process,
        ):
            time.sleep(3.0)
            before = {pid: cpu_s(pid) for pid in (process.pid, *(pid for pid, _ in descendants(process.pid)))}
            time.sleep(20.0)
            used_s = sum(cpu_s(pid) - before_s for pid, before_s in before.items())
        lines.append(f"{100 * used_s / 20:.1f} % of a core with {calls} calls on their way, {len(before)} processes")
    return f"idle: {'; '.join(lines)}"


def flight(place: Path) -> str:
    """Return how fast 200 calls on their way come in, and what they cost."""
    with (
        ModelServer(answers(LATENCY_S), record=False) as server,
        running(server, TRIVIAL, place / "flight", 200) as process,
    ):
        time.sleep(3.0)
        calls, used_s, began = server.count, cpu_s(process.pid), time.perf_counter()
        time.sleep(20.0)
        calls, used_s = server.count - calls, cpu_s(process.pid) - used_s
        took_s = time.perf_counter() - began
        most = server.most_open
    each_ms = 1e3 * used_s / max(1, calls)
    return (
        f"flight: {calls / took_s:.0f} calls/s of 100, at most {most} at once, {each_ms:.1f} ms of the driver per call"
    )


def main() -> None:
    """Print a line for each question, with the load of the host."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["busy", "idle", "flight"])
    with tempfile.TemporaryDirectory(prefix="evolve-waiting-") as place:
        for what in parser.parse_args().what:
            load = os.getloadavg()[0]
            print(
                f"{ {'busy': busy, 'idle': idle, 'flight': flight}[what](Path(place)) } (load {load:.1f})", flush=True
            )


if __name__ == "__main__":
    main()
