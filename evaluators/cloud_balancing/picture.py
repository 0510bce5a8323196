"""How many hosts are on, overloaded, and how many VMs move, tick by tick. No simpy: see cloud.py."""

from __future__ import annotations

from evaluators.cloud_balancing.cloud import Cloud
from evaluators.cloud_balancing.simulation import Day
from evolve.picture import Line, Picture, Series


def drawn(name: str, cloud: Cloud, day: Day) -> Picture:
    """Return the course of a day."""
    hours = [tick / 12 for tick in range(len(day.by_tick))]
    needed = (cloud.asked_mips.sum(axis=1) / float(cloud.info.host_mips.max())).tolist()
    on, over, moves = zip(*day.by_tick, strict=True)

    def line(title: str, values: object) -> Line:
        return Line(title, tuple(zip(hours, map(float, values), strict=True)), "step")  # type: ignore[call-overload]

    return Picture(
        f"{name}: {day.cost_usd:.3f} USD, {day.energy_kwh:.1f} kWh, {day.migrations} migrations",
        (
            Series(
                "Hosts",
                "time (h)",
                "hosts",
                (line("on", on), line("overloaded", over), line("filled by demand", needed)),
            ),
            Series("Migrations", "time (h)", "VMs moved", (line("moves", moves),)),
        ),
        "Demand would fill so many of the largest hosts, were it spread without loss.",
    )
