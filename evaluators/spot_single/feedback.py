"""The sentences that would help a person to improve a policy: where the money went in the worst run of a window."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.spot_single.figures import Figures
from evaluators.spot_single.mechanics import USD_PER_H, Bill, Window, play
from evaluators.spot_single.optimum import optimum
from evaluators.spot_traces.causes import dearer_text, end_text, gaps_text, starts_text
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Observation


def explain(window: Window, bills: Sequence[Bill], figures: Figures) -> str:
    """Return what happened in the run that paid most beyond the optimum."""
    excess = [bill.cost_usd - best for bill, best in zip(bills, figures.optimum_usd, strict=True)]
    worst = max(range(len(bills)), key=lambda run: excess[run])
    bill, terms = bills[worst], window.runs[worst]
    did = figures.optimum_did[worst] if figures.optimum_did else ""
    hour = 3600
    ran = bill.paid[1:]
    tick_usd = {action: usd * window.tick_s / hour for action, usd in USD_PER_H.items()}
    usd = [tick_usd[action] for action in ran]
    there = window.available[: len(ran)]
    could_usd = [tick_usd[SPOT] if spot else None for spot in there]
    facts = [
        f"{sum(excess):.2f} USD over the optimum in {len(bills)} runs, most in that of task "
        f"{terms.task_s / hour:.4g} h, deadline {terms.deadline_s / hour:.4g} h, "
        f"overhead {terms.overhead_s / hour:.3g} h, tick {window.tick_s} s: "
        f"paid {bill.cost_usd:.2f} USD (greedy {figures.naive_usd[worst]:.2f}, "
        f"offline optimum {figures.optimum_usd[worst]:.2f}{did})",
        f"spot {bill.hours(SPOT):.1f} h, on demand {bill.hours(ON_DEMAND):.1f} h, waited {bill.hours(NONE):.1f} h",
        starts_text(ran, [0] * len(ran), usd, window.tick_s, terms.overhead_s),
        *dearer_text(ran, could_usd, usd, window.tick_s),
        gaps_text(there, window.tick_s),
        end_text(bill.forced_tick, bill.finish_s, terms.deadline_s, window.tick_s),
    ]
    return "; ".join(facts) + "."


def hindsight(window: Window) -> tuple[str, ...]:
    """Return what the offline optimum of every run did under the strict rules, to be told behind what it paid."""
    best = [optimum(terms, window.tick_s, window.available, "strict", with_plan=True) for terms in window.runs]
    plans = [(*one.plan, NONE) for one in best]

    def planned(runs: Sequence[int], observations: Sequence[Observation]) -> list[str]:
        return [plans[run][obs.tick] for run, obs in zip(runs, observations, strict=True)]

    return tuple(
        f": {bill.starts} starts, on demand {bill.hours(ON_DEMAND):.1f} h, waited {bill.hours(NONE):.1f} h"
        for bill in play(window, "strict", planned)
    )
