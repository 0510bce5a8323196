"""The sentences that would help a person to improve a policy: what went wrong in a run, in which region and hour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from evaluators.spot_multi.figures import Figures
from evaluators.spot_multi.mechanics import Bill
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT

HOUR_S = 3600


@dataclass(frozen=True)
class _Stretch:
    """Ticks [first, first + ticks) in which the same thing ran in the same region."""

    action: str
    region: int
    first: int
    ticks: int


def explain(window: Window, bill: Bill, figures: Figures) -> str:
    """Return what happened in a run, and what hindsight would not have done."""
    terms = window.terms
    facts = [
        f"{window.scenario}, regions {_regions(window)}; "
        f"task {terms.task_s / HOUR_S:g} h, deadline {terms.deadline_s / HOUR_S:g} h, "
        f"overhead {terms.overhead_s / HOUR_S:.3g} h: paid {bill.cost_usd:.2f} USD (greedy {figures.naive_usd:.2f}, "
        f"offline optimum {figures.optimum_usd:.2f})",
        f"{_spot(window, bill)}, on demand {bill.hours(ON_DEMAND):.1f} h, waited {bill.hours(NONE):.1f} h, "
        f"{bill.starts} starts of {terms.overhead_s} s, {bill.moves} of them in another region",
        *_longest_wait(window, bill),
        *_missed(window, bill),
    ]
    if bill.forced_tick is not None:
        facts.append(f"the deadline guard took over in hour {_hours(window, bill.forced_tick)}")
    late_s = bill.finish_s - terms.deadline_s
    if late_s > 0:
        facts.append(f"ended {late_s / HOUR_S:.2f} h after its deadline")
    return "; ".join(facts) + "."


def _regions(window: Window) -> str:
    return ", ".join(f"{region} = {short(zone)}" for region, zone in enumerate(window.zones))


def short(zone: str) -> str:
    """Return a zone without the name of its data set: "us-west-2b_v100_1"."""
    return zone.rpartition("/")[2]


def _hours(window: Window, ticks: int) -> str:
    return f"{ticks * window.tick_s / HOUR_S:.1f}"


def _spot(window: Window, bill: Bill) -> str:
    """Say how long spot ran where, the longest first."""
    ran = [r for action, r in zip(bill.ran, bill.regions, strict=True) if action is SPOT]
    parts = []
    for region in sorted(set(ran), key=lambda r: (-ran.count(r), r)):
        usd = sum(u for u, a, r in zip(bill.usd, bill.ran, bill.regions, strict=True) if a is SPOT and r == region)
        hours = ran.count(region) * window.tick_s / HOUR_S
        parts.append(f"{short(window.zones[region])} {hours:.1f} h at {usd / hours:.3f} USD/h")
    return f"spot {bill.hours(SPOT):.1f} h" + (f" ({', '.join(parts)})" if parts else "")


def _stretches(bill: Bill) -> list[_Stretch]:
    found, first = [], 0
    for (action, region), ticks in groupby(zip(bill.ran, bill.regions, strict=True)):
        count = sum(1 for _ in ticks)
        found.append(_Stretch(action, region, first, count))
        first += count
    return found


def _longest_wait(window: Window, bill: Bill) -> list[str]:
    """Name the longest wait in one region and what it was paid with afterwards."""
    stretches = _stretches(bill)
    waits = [s for s in stretches if s.action is NONE]
    if not waits:
        return []
    longest = max(waits, key=lambda s: s.ticks)
    paid = sum(s.ticks for s in stretches if s.action is ON_DEMAND and s.first > longest.first)
    then = f", then paid on demand for {_hours(window, paid)} h" if paid else ""
    return [
        f"waited {_hours(window, longest.ticks)} h for spot in {short(window.zones[longest.region])} from hour "
        f"{_hours(window, longest.first)}{then}"
    ]


def _missed(window: Window, bill: Bill) -> list[str]:
    """Say for how long, where and from when on there was spot while the run waited or paid more."""
    found = []
    ticks = len(bill.ran)
    spot = np.array([np.frombuffer(zone, dtype=np.uint8, count=ticks) for zone in window.available]).astype(bool)
    ran = np.array(bill.ran)
    for action, did in ((NONE, "waited"), (ON_DEMAND, "paid on demand")):
        missed = spot & (ran == action)  # (regions, ticks)
        if missed.any():
            region = int(missed.sum(axis=1).argmax())
            found.append(
                f"{did} for {_hours(window, int(missed.any(axis=0).sum()))} h though a region had spot, most often "
                f"{short(window.zones[region])}, there first in hour {_hours(window, int(missed[region].argmax()))}"
            )
    return found
