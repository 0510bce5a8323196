"""The rules once more, step by step as they are written down, slow and obvious: to check the ledger and the optimum by.

g tick, D deadline, K task, h overhead, all in whole seconds; u[r][t] = 1 when region r has no spot in tick t.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor
from typing import Any, NamedTuple

from evaluators.spot_multi.window import Window
from evaluators.spot_traces.runs import Rules

N, S, O = "NONE", "SPOT", "ON_DEMAND"  # noqa: E741


class State(NamedTuple):
    """What is known at the start of a tick, the tick before not yet realised."""

    last: str = N
    region: int = 0
    left: int = 0
    done: int = 0
    spot_ticks: int = 0
    on_demand_ticks: int = 0
    spot_usd: float = 0.0


def realised(window: Window, state: State) -> State:
    """Step 2: the work of the tick before."""
    if state.last == N:
        return state
    g, K = window.tick_s, window.terms.task_s
    w = max(g - state.left, 0)
    left = state.left - (g - w)
    return state._replace(left=left, done=state.done + min(w, K - state.done))


def price_in(window: Window, region: int, t: int) -> float:
    return [usd for first, usd in window.spot_usd_per_h[region] if first <= t][-1]


def answered(window: Window, rules: Rules, t: int, state: State, answer: tuple[str, int]) -> State:
    """Steps 3 to 7: what runs in tick t."""
    g, (D, K, h) = window.tick_s, (window.terms.deadline_s, window.terms.task_s, window.terms.overhead_s)
    u = [[1 - a for a in zone] for zone in window.available]
    last, before, left, done = state.last, state.region, state.left, state.done
    s = not u[before][t]
    request, region = answer
    if ceil((K - done + h) / g) * g >= floor((D - t * g) / g) * g:
        if rules == "public":
            request = S if last == S and left == 0 else O
        else:
            request, region = O, before
    if request == S and u[region][t]:
        request = N
    now = N if last == S and not s else last
    if rules == "strict" and region != before:
        now = N
    if request != N and request != now:
        left = h
    return State(
        request,
        region,
        left,
        done,
        state.spot_ticks + (request == S),
        state.on_demand_ticks + (request == O),
        state.spot_usd + (price_in(window, region, t) * g / 3600 if request == S else 0.0),
    )


def cost(window: Window, rules: Rules, state: State, named: int) -> float:
    """What a completed run pays; named: the region named when the work is found done."""
    spot_usd = state.spot_usd
    if rules == "public":
        usd_per_h = max(price_in(window, state.region, 0), price_in(window, named, 0))
        spot_usd = state.spot_ticks * usd_per_h * window.tick_s / 3600
    return spot_usd + state.on_demand_ticks * 3.06 * window.tick_s / 3600


def played(window: Window, rules: Rules, decide: Callable[[int, State], tuple[str, int]]) -> tuple[float, int]:
    """Return the cost of a run and the tick in which its work is found done."""
    state, t = State(), 0
    while True:
        state = realised(window, state)
        answer = decide(t, state)
        if state.done == window.terms.task_s:
            return cost(window, rules, state, answer[1]), t
        state = answered(window, rules, t, state, answer)
        t += 1


def cheapest_by_trying_all(window: Window, rules: Rules) -> float:
    """Return the least that any sequence of answers pays. A state met again is not followed twice."""
    regions = range(len(window.zones))
    known: dict[Any, float] = {}

    def best(t: int, state: State) -> float:
        if t >= window.ticks:
            return float("inf")
        state = realised(window, state)
        if state.done == window.terms.task_s:
            return min(cost(window, rules, state, named) for named in regions)
        if (t, state) not in known:
            followed = {answered(window, rules, t, state, (a, r)) for a in (N, S, O) for r in regions}
            known[t, state] = min(best(t + 1, after) for after in followed)
        return known[t, state]

    return best(0, State())
