"""What would help a person: which functions cost most beyond the optimum, and whether by idling or by cold starts."""

from __future__ import annotations

import numpy as np

from evaluators.serverless_autoscaling.figures import Figures
from evaluators.serverless_autoscaling.functions import HALF_MB_PER_GB, Bill, Calls

MOST_LETTERS = 500
RARE = 24
"""Calls a day up to which a function is called rare here."""


def explain(day: Calls, paid: Bill, figures: Figures) -> str:
    """Return one line of at most 500 characters."""
    idle, cold = 2 * day.mem_mb * paid.idle, day.price * paid.cold
    lost = paid.cost - day.optimum
    rare = day.calls.sum(axis=0) <= RARE
    facts = [
        f"{gb(paid.total):.0f} GB-min ({gb(int(idle.sum())):.0f} idle, {gb(int(cold.sum())):.0f} for "
        f"{int(paid.cold.sum())} cold starts; kept 10 minutes {gb(figures.naive):.0f}, reference, the optimum without "
        f"pre-warming, {gb(figures.reference):.0f})"
    ]
    worst = int(lost.argmax())
    if lost[worst] > 0:
        active = np.flatnonzero(day.calls[:, worst])
        gap = f"{np.median(np.diff(active)):.0f} min" if len(active) > 1 else "none"
        facts.append(
            f"most is lost on function {worst}: {gb(int(lost[worst])):.1f} over its optimum, "
            f"{int(paid.idle[worst])} idle min of {day.mem_mb[worst]} MB, {int(paid.cold[worst])} cold starts of "
            f"{gb(int(day.price[worst])):.2f} each, {len(active)} minutes with calls, median gap {gap}"
        )
    over = int(lost[lost > 0].sum())
    if over:
        share = 100 * int(lost[(lost > 0) & rare].sum()) / over
        top = 100 * int(np.sort(lost)[-10:].clip(0).sum()) / over
        facts.append(
            f"functions of {RARE} calls or fewer lose {share:.0f} % of it, the ten worst functions {top:.0f} %"
        )
    return ("; ".join(facts) + ".")[:MOST_LETTERS]


def gb(half_mb_minutes: int) -> float:
    """Return GB-minutes."""
    return half_mb_minutes / HALF_MB_PER_GB
