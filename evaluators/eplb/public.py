"""Reads the public file of expert loads, or a plain list of windows, into pairs of windows.

Two formats, both JSON:
    {"load_history": [{"logical_expert_load": [[...], ...], ...}, ...]}   the public one: a window is the sum of 100
        consecutive entries, the last may be shorter;
    [[[...], ...], ...]                                                   windows as they are.
Numbers are tokens, `[layers][experts]`, 0 to MOST_TOKENS; other keys are ignored. The file may be large: one
entry after the other is read and added up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from evolve.evaluator import UsageError

T = TypeVar("T")

WINDOW_ENTRIES = 100
MOST_TOKENS = 1e15
"""Of an expert in an entry: more is a slip of the pen, and sums of it would be no number."""


class _Entry(msgspec.Struct):
    logical_expert_load: list[list[float]]


class _History(msgspec.Struct):
    load_history: list[msgspec.Raw]


def read_windows(path: Path) -> list[np.ndarray]:
    """Read the windows of a file, in order.

    Returns at least two arrays (layers, experts) float64, tokens, all of one shape.
    Raises UsageError that names the file and the line or key.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"eplb: {path} cannot be read ({error.strerror}); give a file of expert loads.") from None
    if content.lstrip()[:1] == b"[":
        loads = list(_loads(path, _decode(path, content, "", list[msgspec.Raw]), "windows"))
    else:
        history = _decode(path, content, "", _History).load_history
        loads = []
        for i, load in enumerate(_loads(path, history, "load_history")):
            if i % WINDOW_ENTRIES:
                loads[-1] += load
            else:
                loads.append(load)
    if len(loads) < 2:
        raise UsageError(
            f"eplb: {path} has {len(loads)} windows; expected at least 2 (one is seen, the next is scored; a window is "
            f"{WINDOW_ENTRIES} entries of load_history)."
        )
    return loads


def _loads(path: Path, entries: list[msgspec.Raw], key: str) -> Iterator[np.ndarray]:
    """Yield the array of every entry, each checked."""
    shape: tuple[int, int] | None = None
    for i, raw in enumerate(entries):
        where = f"{key}[{i}]"
        if key == "windows":
            rows = _decode(path, raw, where, list[list[float]])
        else:
            rows = _decode(path, raw, where, _Entry).logical_expert_load
            where += ".logical_expert_load"
        width = len(rows[0]) if rows else 0
        shape = shape or (len(rows), width)
        if not width:
            raise UsageError(f"eplb: {path}: {where} is empty; expected [layers][experts] tokens.")
        for layer, row in enumerate(rows):
            if len(row) != shape[1]:
                raise UsageError(f"eplb: {path}: {where}[{layer}] has {len(row)} experts; expected {shape[1]}.")
        if len(rows) != shape[0]:
            raise UsageError(f"eplb: {path}: {where} has {len(rows)} layers; expected {shape[0]} as in {key}[0].")
        load = np.array(rows, dtype=np.float64)
        wrong = ~((load >= 0) & (load <= MOST_TOKENS))
        if wrong.any():
            layer, expert = (int(n) for n in np.argwhere(wrong)[0])
            raise UsageError(
                f"eplb: {path}: {where}[{layer}][{expert}] is {load[layer, expert]:g}; "
                f"expected tokens, 0 to {MOST_TOKENS:g}."
            )
        yield load


def _decode(path: Path, content: bytes | msgspec.Raw, where: str, kind: type[T]) -> T:
    """Decode JSON as `kind`. Raises UsageError with the line of a syntax error, or the key of a wrong value."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        reason = str(error).replace("`$", f"`{where}" if where else "`").replace("`.", "`")
        raise UsageError(
            f"eplb: {path}: {where}: {reason}; expected load_history[i].logical_expert_load, or a list of windows, "
            "each [layers][experts] tokens.".replace(": :", ":")
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        found = re.search(r"byte (\d+)", str(error))
        text = bytes(content)
        line = text[: int(found[1])].count(b"\n") + 1 if found else text.count(b"\n") + 1
        raise UsageError(f"eplb: {path}, line {line}: not JSON ({error}).") from None
