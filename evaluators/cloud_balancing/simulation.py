"""A day, tick by tick: what is asked is charged where the VMs are, then the policy moves some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluators.cloud_balancing.cloud import (
    BANDWIDTH_MBIT_S,
    HISTORY,
    SLOWED,
    TICK_S,
    USD_PER_KWH,
    USD_PER_MIGRATED_GB,
    USD_PER_UNMET_VCPU_H,
    VCPU_MIPS,
    Cloud,
    Tick,
    power_w,
)
from evolve.evaluator import Infeasible


@dataclass
class Day:
    """What came of a day.

    energy_j, start_j: of hosts that were on, and of switching on.  unmet_mips_s: asked beyond what hosts have.
    lost_mips_s: by migrations.  active, full: (H,) int, ticks on, and ticks on which all or more is asked.
    by_tick: (hosts on, hosts overloaded, moves) of each tick.
    """

    energy_j: float = 0.0
    start_j: float = 0.0
    unmet_mips_s: int = 0
    asked_mips_s: int = 0
    lost_mips_s: float = 0.0
    migrations: int = 0
    migrated_mbit: float = 0.0
    active: np.ndarray = field(default_factory=lambda: np.zeros(0))
    full: np.ndarray = field(default_factory=lambda: np.zeros(0))
    by_tick: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def energy_kwh(self) -> float:
        """Return the energy of a day."""
        return (self.energy_j + self.start_j) / 3.6e6

    @property
    def unmet_vcpu_h(self) -> float:
        """Return what was asked and not served."""
        return self.unmet_mips_s / 3600 / VCPU_MIPS

    @property
    def migrated_gb(self) -> float:
        """Return what all migrations sent."""
        return self.migrated_mbit / 8 / 1000

    @property
    def cost_usd(self) -> float:
        """Return what the day costs."""
        return (
            USD_PER_KWH * self.energy_kwh
            + USD_PER_UNMET_VCPU_H * self.unmet_vcpu_h
            + USD_PER_MIGRATED_GB * self.migrated_gb
        )

    @property
    def slatah_pct(self) -> float:
        """Return the mean over the hosts that were on of full ticks / ticks on, %."""
        on = self.active > 0
        return float(100.0 * (self.full[on] / self.active[on]).mean())

    @property
    def pdm_pct(self) -> float:
        """Return what migrations lost of all that was asked, %."""
        return 100.0 * self.lost_mips_s / max(1, self.asked_mips_s)


def lived(cloud: Cloud, rebalance: Callable[[Tick], Any]) -> Day:
    """Live through a day. rebalance: answers a tick with pairs (vm, host). Raises Infeasible that names the tick."""
    info, hosts = cloud.info, len(cloud.info.host_mips)
    at, before = cloud.start.copy(), np.concatenate([cloud.before_pct, cloud.asked_pct])
    overloads = np.zeros(hosts, dtype=np.int64)
    day = Day(active=np.zeros(hosts, dtype=np.int64), full=np.zeros(hosts, dtype=np.int64))
    for tick, asked in enumerate(cloud.asked_mips):
        load = np.bincount(at, asked, hosts).astype(np.int64)
        on = np.bincount(at, minlength=hosts) > 0
        served = np.minimum(load, info.host_mips)
        day.energy_j += TICK_S * float(power_w(served / info.host_mips, info.host_power_w)[on].sum())
        day.unmet_mips_s += TICK_S * int((load - served).sum())
        day.asked_mips_s += TICK_S * int(asked.sum())
        day.active += on
        day.full += on & (load >= info.host_mips)
        overloads += load > info.host_mips
        over = int((load > info.host_mips).sum())
        history = before[tick + 1 : tick + 1 + HISTORY].T.copy()
        answer = rebalance(Tick(tick, asked, at.copy(), history, overloads.copy()))
        moves = checked_moves(answer, cloud, at, tick)
        vms = np.array([vm for vm, host in moves if at[vm] != host], dtype=np.int64)
        for vm, host in moves:
            at[vm] = host
        if vms.size:
            _require_ram(cloud, at, tick)
            traffic = cloud.traffic_mbit[vms]
            day.migrations += int(vms.size)
            day.migrated_mbit += float(traffic.sum())
            day.lost_mips_s += float((SLOWED * asked[vms] * traffic / BANDWIDTH_MBIT_S).sum())
            started = (np.bincount(at, minlength=hosts) > 0) & ~on
            day.start_j += TICK_S * float(info.host_power_w[started, 0].sum())
        day.by_tick.append((int(on.sum()), over, int(vms.size)))
    return day


def checked_moves(answer: Any, cloud: Cloud, at: np.ndarray, tick: int) -> list[tuple[int, int]]:
    """Read an answer as pairs (vm, host), each VM once. Raises Infeasible that names the tick and the number."""
    if isinstance(answer, np.ndarray):
        if answer.size == 0:
            return []
        if answer.ndim != 2 or answer.shape[1] != 2 or answer.dtype.kind not in "iu":
            raise Infeasible(
                f"tick {tick}: the answer is {answer.dtype.name} of shape {answer.shape}, expected whole numbers (m, 2)"
            )
        answer = answer.tolist()
    if not isinstance(answer, list):
        raise Infeasible(f"tick {tick}: the answer is {type(answer).__name__}, expected pairs (vm, host)")
    vms, hosts = len(at), len(cloud.info.host_mips)
    if len(answer) > vms:
        raise Infeasible(f"tick {tick}: {len(answer)} moves of {vms} VMs")
    moves: dict[int, int] = {}
    for number, pair in enumerate(answer):
        if isinstance(pair, np.ndarray) and pair.ndim == 1 and pair.dtype.kind in "iu":
            pair = pair.tolist()
        if not isinstance(pair, list) or len(pair) != 2:
            raise Infeasible(f"tick {tick}: move {number} is {pair!r:.40}, expected a pair (vm, host)")
        for what, value, most in (("vm", pair[0], vms), ("host", pair[1], hosts)):
            if type(value) is not int or not 0 <= value < most:
                raise Infeasible(
                    f"tick {tick}: the {what} of move {number} is {value!r:.40} ({type(value).__name__}), "
                    f"expected a whole number (int) in 0..{most - 1}"
                )
        if pair[0] in moves:
            raise Infeasible(f"tick {tick}: VM {pair[0]} is moved twice")
        moves[pair[0]] = pair[1]
    return list(moves.items())


def _require_ram(cloud: Cloud, at: np.ndarray, tick: int) -> None:
    used = np.bincount(at, cloud.info.vm_ram_mb, len(cloud.info.host_mips))
    (over,) = np.nonzero(used > cloud.info.host_ram_mb)
    if over.size:
        host = int(over[0])
        raise Infeasible(
            f"tick {tick}: the VMs on host {host} take {used[host]:g} MB of RAM, it has {cloud.info.host_ram_mb[host]}"
        )
