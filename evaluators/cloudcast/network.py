"""The regions of some clouds, what it costs to send a GB from one to another, and how fast it goes."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BUNDLED = Path(__file__).parent / "data" / "network.json"


@dataclass(frozen=True, eq=False)
class Network:
    """Regions and the edges between them.

    Attributes:
        regions: names, "provider:region".
        usd_per_gb: (regions, regions) float64, price of egress from row to column; inf where there is no edge.
        bit_s: (regions, regions) float64, throughput of one pair of VMs, bit/s; 0 where there is no edge.
    """

    regions: tuple[str, ...]
    usd_per_gb: np.ndarray
    bit_s: np.ndarray

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The number of each region."""
        return {name: number for number, name in enumerate(self.regions)}

    @functools.cached_property
    def exists(self) -> np.ndarray:
        """(regions, regions) bool, whether there is an edge from row to column."""
        found: np.ndarray = np.isfinite(self.usd_per_gb) & (self.bit_s > 0)
        return found

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of regions, prices and throughputs."""
        digest = hashlib.sha256("\0".join(self.regions).encode())
        for matrix in (self.usd_per_gb, self.bit_s):
            digest.update(np.ascontiguousarray(matrix, dtype="<f8").tobytes())
        return digest.hexdigest()


def provider(region: str) -> str:
    """Return the cloud that a region belongs to: the text before ":"."""
    return region.partition(":")[0]


@functools.cache
def bundled_network() -> Network:
    """Return the 71 regions of the public benchmark."""
    content = json.loads(BUNDLED.read_text(encoding="utf-8"))
    usd_per_gb = np.array(content["usd_per_gb"], dtype=np.float64)  # null becomes NaN
    bit_s = np.array(content["throughput_bit_s"], dtype=np.float64)
    itself = np.isnan(usd_per_gb)
    return Network(
        tuple(content["regions"]), np.where(itself, np.inf, usd_per_gb), np.where(itself, 0.0, np.nan_to_num(bit_s))
    )
