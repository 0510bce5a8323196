"""The table of public windows; see data/SOURCE.md."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import msgspec

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class PublicWindows:
    """Which windows of which traces the public benchmark runs, under which terms (hours as published)."""

    traces: str
    tick_s: int
    length_ticks: int
    zones: tuple[str, ...]
    start_ticks: tuple[int, ...]
    deadlines_h: tuple[float, ...]
    overheads_h: tuple[float, ...]
    task_h: float


@functools.cache
def public_windows() -> PublicWindows:
    """Return the table of public windows."""
    return msgspec.json.decode((DATA / "public_windows.json").read_bytes(), type=PublicWindows)
