"""The windows of the public benchmark; see data/SOURCE.md."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import msgspec

from evaluators.spot_multi.window import Steps, Window
from evaluators.spot_traces.bundled import bundled_traces
from evaluators.spot_traces.runs import Terms

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Scenario:
    """Zones, the first of which a run starts in, and how many windows of them are run."""

    name: str
    zones: tuple[str, ...]
    windows: int


@dataclass(frozen=True)
class PublicWindows:
    """Which windows of which traces the public benchmark runs, under which terms (hours as published).

    spot_usd_per_h: per zone, for as many of the windows as a scenario needs, the steps of the price of spot.
    """

    traces: str
    tick_s: int
    length_ticks: int
    start_ticks: tuple[int, ...]
    deadline_h: float
    overhead_h: float
    task_h: float
    scenarios: tuple[Scenario, ...]
    spot_usd_per_h: dict[str, tuple[Steps, ...]]


@functools.cache
def public_windows() -> PublicWindows:
    """Return the table of public windows."""
    return msgspec.json.decode((DATA / "public_windows.json").read_bytes(), type=PublicWindows)


def public_terms() -> Terms:
    """Return what a run of the public benchmark is asked for."""
    table = public_windows()
    return Terms(round(table.deadline_h * 3600), round(table.task_h * 3600), round(table.overhead_h * 3600))


def public_instances() -> list[Window]:
    """Return the 34 windows of the public benchmark, scenario by scenario."""
    table = public_windows()
    windows = []
    for scenario in table.scenarios:
        for number in range(scenario.windows):
            start = table.start_ticks[number]
            traces = [bundled_traces()[f"{table.traces}/{zone}"].available for zone in scenario.zones]
            windows.append(
                Window(
                    f"public/{scenario.name}/{number}",
                    scenario.name,
                    scenario.zones,
                    start,
                    table.tick_s,
                    tuple(trace[start : start + table.length_ticks] for trace in traces),
                    tuple(table.spot_usd_per_h[zone][number] for zone in scenario.zones),
                    public_terms(),
                )
            )
    return windows
