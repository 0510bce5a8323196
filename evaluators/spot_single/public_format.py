"""Windows as trace files in the public benchmark's own format, read and written.

Form and orientation of a file: spot_traces/files.py; the feedback of each window says how it was read. Each file is one
window, from its first tick on, run under the public terms: 48 h of work, deadlines 52 and 70 h, unless its metadata say
otherwise. The benchmark keeps a copy of its traces per overhead in folders like
`ddl=search+task=48+overhead=0.02`: files that differ in that folder only are one window with these overheads; without
such a folder a window has the three public ones.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from evaluators.spot_single.mechanics import Window
from evaluators.spot_single.public_windows import public_windows
from evaluators.spot_single.workload import public_terms
from evaluators.spot_traces.files import Orientation, TraceFile, read_trace, write_trace
from evaluators.spot_traces.runs import Terms, ticks_needed
from evolve.evaluator import UsageError

OVERHEAD = re.compile(r"overhead=(\d+(?:\.\d+)?)")


def read_windows(path: Path, orientation: Orientation) -> list[Window]:
    """Read one file, or every *.json below a folder in the order of their names.

    orientation: what a 1 means in files whose metadata do not say.
    Raises UsageError that names the file and the key, or the tick, that is wrong.
    """
    if path.is_dir():
        files = sorted(path.rglob("*.json"), key=lambda file: file.relative_to(path).parts)
        if not files:
            raise UsageError(f"spot_single: no *.json in folder {path}; expected traces with 'metadata' and 'data'.")
    elif path.is_file():
        files = [path]
    else:
        raise UsageError(f"spot_single: {path} does not exist; give a JSON trace or a folder of them.")
    overheads: dict[tuple[str, TraceFile], set[float]] = {}
    for file in files:
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        found = OVERHEAD.findall(str(Path(name).parent))
        without = "/".join(part for part in name.split("/")[:-1] if not OVERHEAD.search(part))
        id_ = f"{without}/{file.stem}" if without else file.stem
        overheads.setdefault((id_, read_trace("spot_single", file, orientation)), set()).update(map(float, found[-1:]))
    windows = [_window(name, trace, sorted(hours)) for (name, trace), hours in overheads.items()]
    repeated = [name for name, times in Counter(name for name, _ in overheads).items() if times > 1]
    if repeated:
        raise UsageError(
            f"spot_single: {path} holds trace '{repeated[0]}' twice with different data; give one folder at a time."
        )
    return windows


def _window(name: str, trace: TraceFile, overheads_h: list[float]) -> Window:
    usual = public_terms(overheads_h or public_windows().overheads_h)
    runs = tuple(Terms(*run) for run in trace.runs) or usual
    for terms in runs:
        if not terms.can_be_met(trace.tick_s):
            raise UsageError(
                f"spot_single: trace '{name}': an overhead of {terms.overhead_s / 3600:g} h leaves no room for "
                f"{terms.task_s / 3600:g} h of work before a deadline of {terms.deadline_s / 3600:g} h."
            )
    needed = max(ticks_needed(terms, trace.tick_s) for terms in runs)
    if len(trace.available) < needed:
        raise UsageError(
            f"spot_single: trace '{name}' has {len(trace.available)} ticks of {trace.tick_s} s; "
            f"expected at least {needed}, a deadline of {max(t.deadline_s for t in runs) / 3600:g} h and a late end."
        )
    # A candidate that finishes late is still within these ticks, and the optimum costs time for each tick.
    zone = f"{name} (1 read as {'spot' if trace.orientation == 'available' else 'no spot'})"
    return Window(f"data/{name}", zone, 0, trace.tick_s, trace.available[:needed], runs)


def write_windows(windows: Sequence[Window], folder: Path) -> list[Path]:
    """Write every window to a file of its own, `ID.json`, and return the files."""
    table = public_windows()
    usual = public_terms(table.overheads_h)
    return [
        write_trace(
            folder / f"{window.id}.json",
            window.tick_s,
            window.available,
            runs=[] if window.runs == usual else [(t.deadline_s, t.task_s, t.overhead_s) for t in window.runs],
        )
        for window in windows
    ]
