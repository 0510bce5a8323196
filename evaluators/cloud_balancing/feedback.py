"""The sentences that would help a person to improve a policy: what the day cost, and what of it could be less."""

from __future__ import annotations

from evaluators.cloud_balancing.cloud import (
    USD_PER_KWH,
    USD_PER_MIGRATED_GB,
    USD_PER_UNMET_VCPU_H,
    Cloud,
)
from evaluators.cloud_balancing.figures import Figures
from evaluators.cloud_balancing.simulation import Day


def explain(cloud: Cloud, day: Day, figures: Figures) -> str:
    """Say what energy, overload and migrations cost, and how many hosts the demand would have filled."""
    energy, unmet, moved = (
        USD_PER_KWH * day.energy_kwh,
        USD_PER_UNMET_VCPU_H * day.unmet_vcpu_h,
        USD_PER_MIGRATED_GB * day.migrated_gb,
    )
    ticks = len(day.by_tick)
    on, over, moves = (sum(column) / ticks for column in zip(*day.by_tick, strict=True))
    needed = cloud.asked_mips.sum(axis=1) / float(cloud.info.host_mips.max())
    worst = max(range(ticks), key=lambda tick: day.by_tick[tick][1])
    return (
        f"{day.cost_usd:.3f} USD (THR-0.8 {figures.naive:.3f}, reference, a bound: {figures.reference:.3f}): "
        f"energy {energy:.3f}, overload {unmet:.3f}, migrations {moved:.3f}; "
        f"{on:.1f} hosts on where the demand fills {float(needed.mean()):.1f} (at most {float(needed.max()):.1f}); "
        f"{moves:.1f} moves and {over:.2f} overloaded hosts a tick, most overloaded at tick {worst}: "
        f"{day.by_tick[worst][1]}; SLATAH {day.slatah_pct:.2f} %; a move costs {moved / max(1, day.migrations):.4f} "
        f"USD on average, a host kept on for a tick at least {_idle_usd(cloud):.4f}."
    )


def _idle_usd(cloud: Cloud) -> float:
    """Return what a host costs that is on for a tick and does nothing."""
    return float(cloud.info.host_power_w[:, 0].min()) / 12 / 1000 * USD_PER_KWH
