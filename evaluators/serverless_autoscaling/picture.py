"""A day as lines: what is needed, warm and started, and which functions the cost beyond the optimum comes from."""

from __future__ import annotations

import numpy as np

from evaluators.serverless_autoscaling.feedback import gb
from evaluators.serverless_autoscaling.functions import Calls, bill
from evolve.picture import Bar, Bars, Line, Picture, Series

STEP_MIN = 10
SHOWN = 12


def drawn(name: str, day: Calls, warm: np.ndarray) -> Picture:
    """Return memory over the day, and the functions that cost most. warm: (minutes, F)."""
    paid = bill(day, warm)
    kinds = {
        "needed": day.need,
        "warm and idle": np.maximum(0, warm - day.need),
        "started cold": np.maximum(0, day.need - warm),
    }
    lines = []
    for kind, count in kinds.items():
        memory = (count * day.mem_mb).sum(axis=1) / 1000.0
        starts = range(0, len(memory), STEP_MIN)
        lines.append(Line(kind, tuple((float(t), float(memory[t : t + STEP_MIN].mean())) for t in starts), "step"))
    lost = paid.cost - day.optimum
    bars = [
        Bar(
            f"function {k}",
            gb(int(lost[k])),
            kind="idle" if 2 * day.mem_mb[k] * paid.idle[k] > day.price[k] * paid.cold[k] else "cold starts",
            text=f"{int(paid.idle[k])} idle minutes of {day.mem_mb[k]} MB, {int(paid.cold[k])} cold starts",
        )
        for k in np.argsort(-lost, kind="stable")[:SHOWN].tolist()
    ]
    return Picture(
        f"{name}: {gb(paid.total):.0f} GB-min",
        (
            Series(f"Memory, mean of {STEP_MIN} minutes", "time (min)", "memory (GB)", tuple(lines)),
            Bars("Functions with the largest loss, by what it is made of", "beyond the optimum (GB-min)", tuple(bars)),
        ),
        "The optimum starts nothing before it is called: less than nothing is lost where pre-warming pays.",
    )
