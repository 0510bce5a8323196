"""Windows as trace files in the public benchmark's own format, read and written.

A folder per zone, a file per window: `us-east-1a_v100_1/0.json`, `us-east-2a_v100_1/0.json` ... are the zones of window
0. Form, orientation and prices of a file: spot_traces/files.py. Folders of zones may lie in folders of scenarios; the
zones of one folder are the regions of its windows, in the order of their names (the run starts in the first) unless
their metadata say otherwise. A run has the public terms, 48 h of work, deadline 52 h, overhead 0.2 h, unless the
metadata say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluators.spot_multi.public_windows import public_terms
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.files import Orientation, TraceFile, read_trace, write_trace
from evaluators.spot_traces.runs import Terms, ticks_needed
from evolve.evaluator import UsageError


def read_windows(path: Path, orientation: Orientation) -> list[Window]:
    """Read every window below a folder, in the order of their names.

    orientation: what a 1 means in files whose metadata do not say.
    Raises UsageError that names the file and the key, or the tick, that is wrong.
    """
    if not path.is_dir():
        what = "is a file" if path.is_file() else "does not exist"
        raise UsageError(f"spot_multi: {path} {what}; give a folder with a folder of JSON traces per zone.")
    files = sorted(path.rglob("*.json"), key=lambda file: file.relative_to(path).parts)
    if not files:
        raise UsageError(f"spot_multi: no *.json in folder {path}; expected ZONE/0.json, one folder per zone.")
    windows: dict[tuple[str, str], dict[str, Path]] = {}
    for file in files:
        parts = file.relative_to(path).parts
        if len(parts) < 2:
            raise UsageError(f"spot_multi: {file} lies in no zone's folder; expected ZONE/{file.name}.")
        windows.setdefault(("/".join(parts[:-2]), file.stem), {})[parts[-2]] = file
    for scenario in dict.fromkeys(scenario for scenario, _ in windows):
        _complete(path / scenario, {name: zones for (of, name), zones in windows.items() if of == scenario})
    return [_window(scenario, name, zones, orientation) for (scenario, name), zones in windows.items()]


def _complete(folder: Path, windows: Mapping[str, Mapping[str, Path]]) -> None:
    """Refuse a folder in which a zone lacks a window that another zone has."""
    zones = sorted({zone for of in windows.values() for zone in of})
    for name, of in windows.items():
        for zone in zones:
            if zone not in of:
                raise UsageError(
                    f"spot_multi: {folder / zone / f'{name}.json'} is missing, but zone '{next(iter(of))}' has it; "
                    "every zone of a folder needs the same windows."
                )


def _window(scenario: str, name: str, files: Mapping[str, Path], orientation: Orientation) -> Window:
    traces = {zone: read_trace("spot_multi", file, orientation) for zone, file in files.items()}
    zones = sorted(traces, key=lambda zone: (traces[zone].position or 0, zone))
    first = traces[zones[0]]
    for zone in zones:
        trace = traces[zone]
        if (trace.tick_s, trace.runs) != (first.tick_s, first.runs):
            raise UsageError(
                f"spot_multi: {files[zone]}: ticks of {trace.tick_s} s, runs {_said(trace)}; {files[zones[0]]} has "
                f"ticks of {first.tick_s} s, runs {_said(first)}; the zones of a window share a clock and a run."
            )
    if len(first.runs) > 1:
        raise UsageError(f"spot_multi: {files[zones[0]]}: key 'metadata.runs' has {len(first.runs)} runs, expected 1.")
    terms = Terms(*first.runs[0]) if first.runs else public_terms()
    if not terms.can_be_met(first.tick_s):
        raise UsageError(
            f"spot_multi: {files[zones[0]]}: {terms.task_s / 3600:g} h of work and an overhead of "
            f"{terms.overhead_s / 3600:g} h do not fit before a deadline of {terms.deadline_s / 3600:g} h."
        )
    needed = ticks_needed(terms, first.tick_s)
    for zone in zones:
        if len(traces[zone].available) < needed:
            raise UsageError(
                f"spot_multi: {files[zone]} has {len(traces[zone].available)} ticks of {first.tick_s} s; expected at "
                f"least {needed}, a deadline of {terms.deadline_s / 3600:g} h and a late end."
            )
    # A candidate that finishes late is still within these ticks, and the optimum costs time for each tick.
    return Window(
        "/".join(part for part in ("data", scenario, name) if part),
        scenario or "data",
        tuple(
            f"{zone} (1 read as {'spot' if traces[zone].orientation == 'available' else 'no spot'})" for zone in zones
        ),
        0,
        first.tick_s,
        tuple(traces[zone].available[:needed] for zone in zones),
        tuple(tuple(step for step in traces[zone].prices if step[0] < needed) for zone in zones),
        terms,
    )


def _said(trace: TraceFile) -> str:
    return ", ".join(map(str, trace.runs)) or "not said"


def write_windows(windows: Sequence[Window], folder: Path) -> list[Path]:
    """Write windows, `SCENARIO/ZONE/NUMBER.json` or, of an own split, `train/0/ZONE/0.json`; return the files."""
    files = []
    for window in windows:
        above, _, number = window.id.rpartition("/")
        own = above.count("/") == 0  # every own window has zones and terms of its own
        place, name = (folder / window.id, "0") if own else (folder / above.partition("/")[2], number)
        terms = (window.terms.deadline_s, window.terms.task_s, window.terms.overhead_s)
        prices = list(zip(*window.prices(), strict=True))
        for position, zone in enumerate(window.zones):
            files.append(
                write_trace(
                    place / zone.rpartition("/")[2] / f"{name}.json",
                    window.tick_s,
                    window.available[position],
                    prices=prices[position],
                    runs=() if window.terms == public_terms() else (terms,),
                    position=position,
                )
            )
    return files
