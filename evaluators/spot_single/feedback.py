"""The sentence that would help a person to improve a policy: what went wrong in the worst run of a window, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluators.spot_single.figures import Figures
from evaluators.spot_single.mechanics import Bill, Window
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT


def explain(window: Window, bills: Sequence[Bill], figures: Figures, scores: Mapping[int, float]) -> str:
    """Return what happened in the run with the lowest score (the dearest against the optimum where none has one)."""
    excess = [bill.cost_usd - best for bill, best in zip(bills, figures.optimum_usd, strict=True)]
    worst = min(scores, key=lambda run: scores[run]) if scores else max(range(len(bills)), key=lambda run: excess[run])
    bill, terms = bills[worst], window.runs[worst]
    hour = 3600
    facts = [
        f"zone {window.zone} from tick {window.start_tick}: worst of {len(bills)} runs is "
        f"task {terms.task_s / hour:g} h, deadline {terms.deadline_s / hour:g} h, "
        f"overhead {terms.overhead_s / hour:g} h: paid {bill.cost_usd:.2f} USD (greedy {figures.naive_usd[worst]:.2f}, "
        f"offline optimum {figures.optimum_usd[worst]:.2f})",
        f"spot {bill.hours(SPOT):.1f} h, on demand {bill.hours(ON_DEMAND):.1f} h, waited {bill.hours(NONE):.1f} h, "
        f"{bill.starts} starts of {terms.overhead_s} s",
    ]
    facts += _mistakes(window, bill)
    late_s = bill.finish_s - terms.deadline_s
    if late_s > 0:
        facts.append(f"ended {late_s / hour:.2f} h after its deadline")
    return "; ".join(facts) + "."


def _mistakes(window: Window, bill: Bill) -> list[str]:
    """Name what hindsight would not have done, with the hour in which it began."""
    ran = list(zip(bill.paid[1:], window.available, strict=False))
    found = []
    idle = [tick for tick, (action, spot) in enumerate(ran) if action is NONE and spot]
    if idle:
        hours = _hours(window, len(idle))
        found.append(f"waited {hours} h though spot was there, first in hour {_hour(window, idle[0])}")
    dear = [tick for tick, (action, spot) in enumerate(ran) if action is ON_DEMAND and spot]
    if dear:
        hours = _hours(window, len(dear))
        found.append(f"paid on demand for {hours} h though spot was there, first in hour {_hour(window, dear[0])}")
    first, length = _longest_wait(ran)
    if length:
        found.append(f"longest wait without spot {_hours(window, length)} h from hour {_hour(window, first)}")
    if bill.forced_tick is not None:
        found.append(f"the deadline guard took over in hour {_hour(window, bill.forced_tick)}")
    return found


def _hours(window: Window, ticks: int) -> str:
    return f"{ticks * window.tick_s / 3600:.1f}"


def _hour(window: Window, tick: int) -> str:
    """Return when a tick begins, in hours from the start of the run, and its number."""
    return f"{_hours(window, tick)} (tick {tick})"


def _longest_wait(ran: Sequence[tuple[str, int]]) -> tuple[int, int]:
    """Return the first tick and the length of the longest wait while there was no spot, ticks."""
    best, began = (0, 0), None
    for tick, (action, spot) in enumerate([*ran, (ON_DEMAND, 1)]):
        if action is NONE and not spot:
            began = tick if began is None else began
        elif began is not None:
            best = max(best, (began, tick - began), key=lambda wait: wait[1])
            began = None
    return best
