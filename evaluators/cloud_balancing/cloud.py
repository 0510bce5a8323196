"""Hosts, virtual machines, prices, and what a policy sees of them.

No simpy: everything happens at ticks of 5 minutes, 288 a day, and a tick is a few sums over hosts. CPU is in whole
MIPS, memory in whole MB.
Sources: Beloglazov and Buyya 2012 (hosts, VMs, metrics, policies, as in CloudSim); Sliwko (intelligent load balancing
in cloud computing; what a live migration costs).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluators.kept_figures import digest_of
from evolve.evaluator import Record

TICK_S = 300
HISTORY = 12
VCPU_MIPS = 2500
"""What a vCPU is when it is paid for: the largest of the VMs."""

USD_PER_KWH = 0.12
USD_PER_UNMET_VCPU_H = 0.5
"""Ten times what a vCPU costs by the hour, 0.05 USD."""
USD_PER_MIGRATED_GB = 0.002

BANDWIDTH_MBIT_S = 500
ROUNDS = 4
"""A live migration copies the memory, then up to so many times what was written meanwhile."""
SLOWED = 0.1
"""Share of its use that a VM loses while it migrates."""

G4 = (3720, (86.0, 89.4, 92.6, 96.0, 99.5, 102.0, 106.0, 108.0, 112.0, 114.0, 117.0))
G5 = (5320, (93.7, 97.0, 101.0, 105.0, 110.0, 116.0, 121.0, 125.0, 129.0, 133.0, 135.0))
"""MIPS and W at 0, 10, ..., 100 % load of HP ProLiant ML110 G4 and G5, two cores each (SPECpower; as in CloudSim)."""
VM_MIPS = (2500, 2000, 1000, 500)
VM_RAM_MB = (870, 1740, 1740, 613)
"""The VM types of CloudSim's PlanetLab runs."""


class Info(Record, frozen=True):
    """What a policy is told at first; V VMs, H hosts.

    ticks: int.  vm_max_mips, vm_ram_mb: (V,) int.  vm_dirty_mbit_s: (V,) int, how fast a VM writes to its memory.
    host_mips, host_ram_mb: (H,) int.  host_power_w: (H, 11), at 0, 10, ..., 100 % load.
    """

    ticks: int
    vm_max_mips: np.ndarray
    vm_ram_mb: np.ndarray
    vm_dirty_mbit_s: np.ndarray
    host_mips: np.ndarray
    host_ram_mb: np.ndarray
    host_power_w: np.ndarray


class Tick(Record, frozen=True):
    """What a policy sees at a tick.

    tick: int.  vm_mips: (V,) int, what each VM asks for in this tick.  vm_host: (V,) int.
    vm_history: (V, 12) int, % of vm_max_mips asked in the last ticks, this one last.
    host_overload_ticks: (H,) int, so far.
    """

    tick: int
    vm_mips: np.ndarray
    vm_host: np.ndarray
    vm_history: np.ndarray
    host_overload_ticks: np.ndarray


@dataclass(frozen=True, eq=False)
class Cloud:
    """A day. asked_pct: (ticks, V) int, % of a VM's most.  before_pct: (12, V) int.  start: (V,) int, hosts."""

    info: Info
    asked_pct: np.ndarray
    before_pct: np.ndarray
    start: np.ndarray

    @cached_property
    def asked_mips(self) -> np.ndarray:
        """Return (ticks, V) int."""
        return np.asarray(self.asked_pct * self.info.vm_max_mips // 100)

    @cached_property
    def traffic_mbit(self) -> np.ndarray:
        """Return (V,) float: what a migration of each VM sends."""
        ratio = self.info.vm_dirty_mbit_s / BANDWIDTH_MBIT_S
        return traffic_mbit(self.info.vm_ram_mb, ratio)

    @cached_property
    def digest(self) -> str:
        """Return a hash of all that is known of the day."""
        info = [np.asarray(getattr(self.info, name)).tolist() for name in self.info.__struct_fields__]
        return digest_of((info, self.asked_pct.tolist(), self.before_pct.tolist(), self.start.tolist()))

    def __eq__(self, other: object) -> bool:
        """Return whether two days are the same, number by number."""
        return isinstance(other, Cloud) and self.digest == other.digest

    def __hash__(self) -> int:
        """Return a hash of its digest."""
        return hash(self.digest)


def traffic_mbit(ram_mb: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Return ram * (1 - q^(n+1)) / (1 - q), Mbit, n = 4: the memory, then what is written while it is sent, and so on.

    ratio: q, dirty rate over bandwidth, 0 to below 1.
    """
    return np.asarray(8.0 * ram_mb * (1 - ratio ** (ROUNDS + 1)) / (1 - ratio))


def power_w(load: np.ndarray, watts: np.ndarray) -> np.ndarray:
    """Return the power of hosts that are on, W, linear between the eleven points.

    load: (H,) 0 to 1.  watts: (H, 11).
    """
    step = np.minimum((load * 10).astype(np.int64), 9)
    rows = np.arange(len(load))
    low, high = watts[rows, step], watts[rows, step + 1]
    return np.asarray(low + (high - low) * (load * 10 - step))


def cost_bound_usd(cloud: Cloud) -> float:
    """Return a cost that no policy is below: all that is asked, served by full hosts of the kind that needs least.

    A host of M MIPS at load u takes P(u) W for u * M MIPS, at least P(1) / M for each, as P(u) / u falls up to u = 1
    for every host (`falls`). What is not served costs 0.5 USD per vCPU and hour, more than its energy does.
    """
    per_mips = float((cloud.info.host_power_w[:, -1] / cloud.info.host_mips).min())
    kwh = float(cloud.asked_mips.sum()) * per_mips * TICK_S / 3.6e6
    return USD_PER_KWH * kwh


def falls(watts: np.ndarray) -> bool:
    """Return whether P(u) / u is least at full load. watts: (H, 11). Between two points it is monotonous."""
    return bool((watts[:, 1:] / np.arange(1, 11) >= watts[:, -1:] / 10 - 1e-12).all())
