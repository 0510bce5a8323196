"""Read traces in the public benchmark's own file format.

A JSON object with `metadata.gap_seconds` (whole seconds per tick) and `data`, one 0 or 1 per tick. **1 means that spot
is NOT available**, as in the benchmark's files, unless `metadata.orientation` is "available", or the evaluator's option
`orientation` says so for files that do not; the feedback of each window says how it was read. Each file is one window,
from its first tick on, run under the public terms: 48 h of work, deadlines 52 and 70 h. The benchmark keeps a copy of
its traces per overhead in folders like `ddl=search+task=48+overhead=0.02`: files that differ in that folder only
are one window with these overheads; without such a folder a window has the three public ones.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from evaluators.spot_single.mechanics import Window, ticks_needed
from evaluators.spot_single.public_windows import public_windows
from evaluators.spot_single.workload import public_terms
from evolve.evaluator import UsageError

Orientation = Literal["not_available", "available"]
"""What a 1 in `data` means."""

GAP_S = (60, 3600)
"""Seconds per tick, at least and at most: 48 h of work, in whole ticks, must fit before a deadline of 52 h."""

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
    overheads: dict[tuple[str, _Trace], set[float]] = {}
    for file in files:
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        found = OVERHEAD.findall(str(Path(name).parent))
        without = "/".join(part for part in name.split("/")[:-1] if not OVERHEAD.search(part))
        id_ = f"{without}/{file.stem}" if without else file.stem
        overheads.setdefault((id_, _read(file, orientation)), set()).update(map(float, found[-1:]))
    windows = [_window(name, trace, sorted(hours)) for (name, trace), hours in overheads.items()]
    repeated = [name for name, times in Counter(name for name, _ in overheads).items() if times > 1]
    if repeated:
        raise UsageError(
            f"spot_single: {path} holds trace '{repeated[0]}' twice with different data; give one folder at a time."
        )
    return windows


@dataclass(frozen=True)
class _Trace:
    """available: one byte per tick, 1 = available, whatever the file's orientation."""

    tick_s: int
    available: bytes
    orientation: Orientation


def _window(name: str, trace: _Trace, overheads_h: list[float]) -> Window:
    table = public_windows()
    runs = public_terms(overheads_h or table.overheads_h)
    for terms in runs:
        if terms.task_s + terms.overhead_s > terms.deadline_s // trace.tick_s * trace.tick_s:
            raise UsageError(
                f"spot_single: trace '{name}': an overhead of {terms.overhead_s / 3600:g} h leaves no room for "
                f"{table.task_h} h of work before a deadline of {terms.deadline_s / 3600:g} h."
            )
    needed = max(ticks_needed(terms, trace.tick_s) for terms in runs)
    if len(trace.available) < needed:
        raise UsageError(
            f"spot_single: trace '{name}' has {len(trace.available)} ticks of {trace.tick_s} s; "
            f"expected at least {needed}, a deadline of {max(table.deadlines_h)} h and a late end."
        )
    # A candidate that finishes late is still within these ticks, and the optimum costs time for each tick.
    zone = f"{name} (1 read as {'spot' if trace.orientation == 'available' else 'no spot'})"
    return Window(f"data/{name}", zone, 0, trace.tick_s, trace.available[:needed], runs)


def _read(file: Path, orientation: Orientation) -> _Trace:
    def wrong(what: str) -> UsageError:
        return UsageError(f"spot_single: {file}: {what}")

    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise wrong(f"line {error.lineno}: not JSON ({error.msg}).") from None
    except (UnicodeDecodeError, OSError, RecursionError) as error:
        raise wrong(f"cannot be read ({error}).") from None
    if not isinstance(content, dict) or not isinstance(metadata := content.get("metadata"), dict):
        raise wrong("key 'metadata' is missing; expected an object with 'gap_seconds'.")
    gap_s = metadata.get("gap_seconds")
    if (
        isinstance(gap_s, bool)
        or not isinstance(gap_s, int | float)
        or gap_s != gap_s
        or not GAP_S[0] <= gap_s <= GAP_S[1]
    ):
        raise wrong(f"key 'metadata.gap_seconds' is {gap_s!r}; expected seconds per tick, {GAP_S[0]} to {GAP_S[1]}.")
    if gap_s != int(gap_s):
        raise wrong(f"key 'metadata.gap_seconds' is {gap_s!r}; expected a whole number of seconds.")
    orientation = metadata.get("orientation", orientation)
    if orientation not in get_args(Orientation):
        raise wrong(
            f"key 'metadata.orientation' is {orientation!r}; expected 'not_available' (1 = no spot) "
            "or 'available' (1 = spot)."
        )
    data = content.get("data")
    if not isinstance(data, list) or not data:
        raise wrong("key 'data' is missing or empty; expected a list of 0/1, one per tick.")
    for tick, value in enumerate(data):
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in (0, 1):
            raise wrong(f"key 'data', tick {tick} is {value!r:.40}; expected 0 or 1.")
    flip = orientation == "not_available"
    return _Trace(int(gap_s), bytes(int(value) ^ flip for value in data), orientation)
