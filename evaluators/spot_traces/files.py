"""Trace files in the public benchmarks' own format, read and written.

A JSON object with `metadata.gap_seconds` (whole seconds per tick), `data`, one 0 or 1 per tick, and perhaps `prices`,
USD/h of spot, one per tick. **1 means that spot is NOT available**, as in the benchmarks' files, unless
`metadata.orientation` is "available", or the reader is told so for files that do not say.

The benchmarks' files do not say what is asked of a run: the terms are always the same. Ours may, so that windows with
other terms can be written too: `metadata.runs` is a list of {"deadline_s", "task_s", "overhead_s"}, whole seconds;
and `metadata.position` tells which region of a window a zone is, 0 = where the run starts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from evolve.evaluator import UsageError

Orientation = Literal["not_available", "available"]
"""What a 1 in `data` means."""

GAP_S = (60, 3600)
"""Seconds per tick, at least and at most: 48 h of work, in whole ticks, must fit before a deadline of 52 h."""

MOST_S = 1000 * 3600
"""A deadline beyond this is a slip of the pen, and its optimum would take hours."""

MOST_USD_PER_H = 1e6
"""So is a price beyond this; a sum of them stays a number."""

FALLBACK_USD_PER_H = 0.9731
"""The price of spot where a file has none, as in the public benchmark."""

Run = tuple[int, int, int]
"""What a run is asked for: deadline, task and overhead, s."""


@dataclass(frozen=True)
class TraceFile:
    """What a file holds, whatever its orientation.

    available: one byte per tick, 1 = spot available.  orientation: how the file was read.  prices: (tick from which
    on, USD/h of spot) steps, the first from tick 0 on.  runs: empty where the file does not say.  position: None where
    the file does not say.
    """

    tick_s: int
    available: bytes = field(repr=False)
    orientation: Orientation
    prices: tuple[tuple[int, float], ...] = field(repr=False)
    runs: tuple[Run, ...]
    position: int | None


def read_trace(domain: str, file: Path, orientation: Orientation) -> TraceFile:
    """Read one file. orientation: what a 1 means when its metadata do not say.

    Raises UsageError, in the domain's name, that names the file and the key, or the tick, that is wrong.
    """

    def wrong(what: str) -> UsageError:
        return UsageError(f"{domain}: {file}: {what}")

    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise wrong(f"line {error.lineno}: not JSON ({error.msg}).") from None
    except (OSError, RecursionError, ValueError) as error:  # ValueError: not UTF-8, or a number of 5,000 digits
        raise wrong(f"cannot be read ({error}).") from None
    if not isinstance(content, dict) or not isinstance(metadata := content.get("metadata"), dict):
        raise wrong("key 'metadata' is missing; expected an object with 'gap_seconds'.")
    try:
        gap_s = _gap_s(metadata.get("gap_seconds"))
        orientation = metadata.get("orientation", orientation)
        if orientation not in get_args(Orientation):
            raise ValueError(
                f"key 'metadata.orientation' is {orientation!r}; expected 'not_available' (1 = no spot) "
                "or 'available' (1 = spot)."
            )
        available = _available(content.get("data"), orientation)
        prices = _prices(content.get("prices"), len(available))
        runs = tuple(_run(number, entry) for number, entry in enumerate(_listed(metadata.get("runs", []))))
        position = metadata.get("position")
        if position is not None and (type(position) is not int or position < 0):
            raise ValueError(f"key 'metadata.position' is {position!r:.40}; expected the number of a region, from 0.")
    except ValueError as error:
        raise wrong(str(error)) from None
    return TraceFile(gap_s, available, orientation, prices, runs, position)


def _gap_s(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not GAP_S[0] <= value <= GAP_S[1]:
        raise ValueError(
            f"key 'metadata.gap_seconds' is {value!r}; expected seconds per tick, {GAP_S[0]} to {GAP_S[1]}."
        )
    if value != int(value):
        raise ValueError(f"key 'metadata.gap_seconds' is {value!r}; expected a whole number of seconds.")
    return int(value)


def _available(data: Any, orientation: Orientation) -> bytes:
    if not isinstance(data, list) or not data:
        raise ValueError("key 'data' is missing or empty; expected a list of 0/1, one per tick.")
    for tick, value in enumerate(data):
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in (0, 1):
            raise ValueError(f"key 'data', tick {tick} is {value!r:.40}; expected 0 or 1.")
    flip = orientation == "not_available"
    return bytes(int(value) ^ flip for value in data)


def _prices(prices: Any, ticks: int) -> tuple[tuple[int, float], ...]:
    """Read prices as steps; a hole goes on with the price before it, at the start with the fallback."""
    if prices is None:
        return ((0, FALLBACK_USD_PER_H),)
    if not isinstance(prices, list) or len(prices) != ticks:
        length = len(prices) if isinstance(prices, list) else type(prices).__name__
        raise ValueError(f"key 'prices' has {length} entries; expected a list of USD/h, one per tick ({ticks}).")
    steps: list[tuple[int, float]] = []
    for tick, usd in enumerate(prices):
        if usd is None:
            usd = steps[-1][1] if steps else FALLBACK_USD_PER_H
        elif isinstance(usd, bool) or not isinstance(usd, int | float) or not 0 < usd <= MOST_USD_PER_H:
            raise ValueError(
                f"key 'prices', tick {tick} is {usd!r:.40}; expected USD/h above 0, up to {MOST_USD_PER_H:g}, or null."
            )
        if not steps or steps[-1][1] != usd:
            steps.append((tick, float(usd)))
    return tuple(steps)


def _listed(runs: Any) -> Sequence[Any]:
    if not isinstance(runs, list):
        raise ValueError(f"key 'metadata.runs' is {runs!r:.40}; expected a list of objects.")
    return runs


def _run(number: int, entry: Any) -> Run:
    keys = ("deadline_s", "task_s", "overhead_s")
    where = f"key 'metadata.runs', entry {number}"
    if not isinstance(entry, dict) or set(entry) != set(keys):
        raise ValueError(f"{where} is {entry!r:.60}; expected an object with {', '.join(keys)}.")
    for key in keys:
        least = 0 if key == "overhead_s" else 1
        if type(entry[key]) is not int or not least <= entry[key] <= MOST_S:
            raise ValueError(f"{where}, {key} is {entry[key]!r:.40}; expected whole seconds, {least} to {MOST_S}.")
    return entry["deadline_s"], entry["task_s"], entry["overhead_s"]


def write_trace(
    file: Path,
    tick_s: int,
    available: bytes,
    *,
    prices: Sequence[float] | None = None,
    runs: Sequence[Run] = (),
    position: int | None = None,
) -> Path:
    """Write a file that `read_trace` reads back, 1 = spot NOT available, and return where it is.

    available: one byte per tick, 1 = spot available.  prices: USD/h of spot, one per tick.  runs: left out when empty.
    """
    metadata: dict[str, Any] = {"gap_seconds": tick_s, "orientation": "not_available"}
    if runs:
        metadata["runs"] = [dict(zip(("deadline_s", "task_s", "overhead_s"), run, strict=True)) for run in runs]
    if position is not None:
        metadata["position"] = position
    content: Mapping[str, Any] = {"metadata": metadata, "data": [1 - value for value in available]}
    if prices is not None:
        content = {**content, "prices": list(prices)}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    return file
