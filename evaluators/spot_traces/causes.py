"""Where the money of a run went, by cause, in short sentences: for the feedback of both spot domains."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from statistics import median

from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT


def starts_text(ran: Sequence[str], regions: Sequence[int], usd: Sequence[float], tick_s: int, overhead_s: int) -> str:
    """Say what was paid for overheads, and for starts of which kind.

    ran, regions, usd: (ticks,) what each tick was paid for, where, and how much.
    """
    counts = {"to spot": 0, "to on demand": 0, "moves": 0}
    lost_usd, place = 0.0, 0
    last: tuple[str, int] | None = None
    for stretch, ticks in groupby(zip(ran, regions, strict=True)):
        length = sum(1 for _ in ticks)
        action, region = stretch
        if action is not NONE:
            moved = last is not None and last[0] is action and last[1] != region
            counts["moves" if moved else "to spot" if action is SPOT else "to on demand"] += 1
            lost_usd += usd[place] * min(overhead_s / tick_s, length)
            last = stretch
        place += length
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return f"starts {lost_usd:.2f} USD ({kinds or 'none'})"


def gaps_text(there: Sequence[int], tick_s: int) -> str:
    """Say how often and for how long there was no spot. there: (ticks,) 1 = spot, anywhere."""
    gaps_h = [sum(1 for _ in ticks) * tick_s / 3600 for state, ticks in groupby(there) if not state]
    if not gaps_h:
        return "never without spot"
    gaps = "1 gap" if len(gaps_h) == 1 else f"{len(gaps_h)} gaps"
    return f"{gaps} without spot, median {median(gaps_h):.1f}, longest {max(gaps_h):.1f} h"


def dearer_text(ran: Sequence[str], could_usd: Sequence[float | None], usd: Sequence[float], tick_s: int) -> list[str]:
    """Say for how long it ran on demand, or waited, though there was spot, and what that cost more.

    could_usd: (ticks,) what the cheapest spot of the tick would have cost, None where there was none.
    """
    found = []
    missed = [t for t, spot in enumerate(could_usd) if spot is not None and ran[t] is ON_DEMAND]
    if missed:
        more = sum(usd[t] - (could_usd[t] or 0.0) for t in missed)
        found.append(
            f"on demand {len(missed) * tick_s / 3600:.1f} h beside spot ({more:.2f} USD more), "
            f"from hour {missed[0] * tick_s / 3600:.1f}"
        )
    idle = [t for t, spot in enumerate(could_usd) if spot is not None and ran[t] is NONE]
    if idle:
        hours = len(idle) * tick_s / 3600
        found.append(f"waited {hours:.1f} h beside spot, from hour {idle[0] * tick_s / 3600:.1f}")
    return found


def end_text(forced_tick: int | None, finish_s: float, deadline_s: float, tick_s: int) -> str:
    """Say when the guard took over, and how much time was left, or how late the run was."""
    spare_h = (deadline_s - finish_s) / 3600
    text = f"{spare_h:.1f} h to spare" if spare_h >= 0 else f"ended {-spare_h:.2f} h after its deadline"
    return text if forced_tick is None else f"guard from hour {forced_tick * tick_s / 3600:.1f}, {text}"
