"""The bundled spot availability traces; see data/SOURCE.md."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Trace:
    """Spot availability of one zone.

    zone: "aws-10-26-2022/us-west-2a_k80_8".  tick_s: seconds between samples.
    available: one byte per tick, 1 = spot available.
    """

    zone: str
    tick_s: int
    available: bytes = field(repr=False)


@functools.cache
def bundled_traces() -> Mapping[str, Trace]:
    """Return the traces by zone."""
    packed = np.fromfile(DATA / "traces.bin", dtype=np.uint8)
    traces = {}
    for entry in json.loads((DATA / "traces.json").read_text(encoding="utf-8")):
        bits = packed[entry["offset"] : entry["offset"] + (entry["ticks"] + 7) // 8]
        available = np.unpackbits(bits, count=entry["ticks"]).tobytes()
        traces[entry["zone"]] = Trace(entry["zone"], entry["tick_s"], available)
    return traces
