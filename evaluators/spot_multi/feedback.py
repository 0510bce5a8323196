"""The sentences that would help a person to improve a policy: where the money of a run went, by cause and region."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mode

from evaluators.spot_multi.figures import Figures
from evaluators.spot_multi.mechanics import Bill, play
from evaluators.spot_multi.optimum import optimum
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.causes import dearer_text, end_text, gaps_text, starts_text
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Rules

HOUR_S = 3600


def explain(window: Window, rules: Rules, bill: Bill, figures: Figures) -> str:
    """Return what happened in a run, and what hindsight would not have done."""
    terms, tick_s = window.terms, window.tick_s
    ran = bill.ran
    there = list(zip(*window.available, strict=True))[: len(ran)]
    prices: Iterable[Sequence[float]] = window.prices()
    regions: Sequence[int] = bill.regions
    if rules == "public":  # spot is paid at first prices, and going on elsewhere is no start
        prices, regions = [window.first_prices] * len(ran), [0] * len(ran)
    cheapest = [
        min((usd for usd, spot in zip(of_tick, now, strict=True) if spot), default=None)
        for of_tick, now in zip(prices, there, strict=False)
    ]
    could_usd = [None if usd is None else usd * tick_s / HOUR_S for usd in cheapest]
    facts = [
        f"{len(window.zones)} regions, task {terms.task_s / HOUR_S:.3g} of {terms.deadline_s / HOUR_S:.3g} h, "
        f"overhead {terms.overhead_s / HOUR_S:.2g} h: paid {bill.cost_usd:.2f} USD (greedy {figures.naive_usd:.2f}, "
        f"optimum {figures.optimum_usd:.2f}{figures.optimum_did})",
        f"{_spot(window, bill)}, on demand {bill.hours(ON_DEMAND):.1f} h, waited {bill.hours(NONE):.1f} h",
        starts_text(ran, regions, bill.usd, tick_s, terms.overhead_s),
        *_dearest_spot(ran, bill, could_usd),
        *dearer_text(ran, could_usd, bill.usd, tick_s),
        gaps_text([any(now) for now in there], tick_s),
        end_text(bill.forced_tick, bill.finish_s, terms.deadline_s, tick_s),
    ]
    return "; ".join(facts) + "."


def _spot(window: Window, bill: Bill) -> str:
    """Say how long spot ran, and in which region most of it, at what price."""
    paid = [(r, usd) for action, r, usd in zip(bill.ran, bill.regions, bill.usd, strict=True) if action is SPOT]
    text = f"spot {bill.hours(SPOT):.1f} h"
    if not paid:
        return text
    most = mode(sorted(r for r, _ in paid))
    there_usd = [usd for r, usd in paid if r == most]
    hours = len(there_usd) * window.tick_s / HOUR_S
    return f"{text} (region {most} {hours:.1f} h at {sum(there_usd) / hours:.2f} USD/h)"


def _dearest_spot(ran: tuple[str, ...], bill: Bill, could_usd: list[float | None]) -> list[str]:
    """Say what spot cost more than the cheapest spot of the same ticks."""
    more = sum(
        paid - could
        for action, paid, could in zip(ran, bill.usd, could_usd, strict=True)
        if action is SPOT and could is not None
    )
    return [f"{more:.2f} USD over the cheapest spot"] if more > 0.005 else []


def hindsight(window: Window) -> str:
    """Return what the offline optimum did under the strict rules, to be told behind what it paid."""
    plan = optimum(window, "strict", with_plan=True).plan
    bill = play(window, "strict", lambda obs: plan[obs.tick])
    return f": {bill.starts} starts, on demand {bill.hours(ON_DEMAND):.1f} h, waited {bill.hours(NONE):.1f} h"
