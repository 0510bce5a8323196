"""The ledger: what a run has worked, what it pays and what it sees. The policy only answers; every figure is made here.

Plain Python, no simpy: a run is one loop over ticks of equal length, without queues. Source: Wu et al., "Can't Be
Late", NSDI 2024, and the order of events of its public multi-region simulator.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from evaluators.spot_multi.window import Window, packed_available, packed_prices
from evaluators.spot_traces.runs import (
    ACTIONS,
    DONE_S,
    NEGLIGIBLE_S,
    NONE,
    ON_DEMAND,
    ON_DEMAND_USD_PER_H,
    SPOT,
    Observation,
    Rules,
    safe_s,
)
from evolve.evaluator import Infeasible


@dataclass(frozen=True)
class Bill:
    """A completed run; entry t of every tuple is tick t.

    ran: what was paid for.  regions: where.  usd: what it cost; the last, partly used tick is paid whole.
    work_s: seconds of work gained.  starts: how often an overhead was lost.  moves: how many of these
    were in another region than what ran before.  free_moves: how often else another region was named.
    forced_tick: first tick in which the guard overruled the policy.
    """

    tick_s: int
    ran: tuple[str, ...]
    regions: tuple[int, ...]
    usd: tuple[float, ...]
    work_s: tuple[float, ...]
    starts: int
    moves: int
    free_moves: int
    forced_tick: int | None

    @property
    def cost_usd(self) -> float:
        """What the run cost."""
        return fsum(self.usd)

    @property
    def finish_s(self) -> int:
        """Seconds from the start to the end of the tick that completed the work."""
        return len(self.ran) * self.tick_s

    def hours(self, action: str) -> float:
        """Hours in which `action` ran."""
        return self.ran.count(action) * self.tick_s / 3600


Ask = Callable[[Observation], Any]
"""Puts an observation to the policy and returns its answer, unchecked."""


def play(window: Window, rules: Rules, ask: Ask) -> Bill:
    """Keep the books of the run of a window, one question a tick.

    rules: "public" follows the published simulator to the letter: a move to another region is free, as is going on
        there with the same kind of machine; the guard lets spot ride on past the last safe tick, and the run may end
        late; all spot is paid at one price, see `final_price`.
        "strict": a machine in another region is a start; the guard is ON_DEMAND where the run is, so that no run ends
        late; every tick is paid at the price of its own region in that tick.
    Raises Infeasible for an answer that is no action and region, and when the window ends before the work is done.
    """
    strict = rules == "strict"
    terms, regions = window.terms, len(window.zones)
    tick_s, task_s = float(window.tick_s), float(terms.task_s)
    deadline_s, overhead_s = float(terms.deadline_s), float(terms.overhead_s)
    safe_from_start_s = float(safe_s(terms, window.tick_s))
    running, here, left_s, done_s, remaining_s = NONE, 0, 0.0, 0.0, task_s
    ran: list[str] = []
    where: list[int] = []
    spot_usd_per_h: list[float] = []
    work_s: list[float] = []
    starts = moves = free_moves = 0
    ran_in: int | None = None
    forced_tick = None
    for tick, (available, prices) in enumerate(zip(zip(*window.available, strict=True), window.prices(), strict=True)):
        if tick:
            gained_s = 0.0
            if running is not NONE:
                gained_s = tick_s - left_s if left_s < tick_s else 0.0
                left_s -= tick_s - gained_s
                if left_s < NEGLIGIBLE_S:
                    left_s = 0.0
                if gained_s > remaining_s:
                    gained_s = remaining_s
                done_s += gained_s
                remaining_s = task_s - done_s
            work_s.append(gained_s)
        elapsed_s = tick * tick_s
        answer = ask(
            Observation(
                tick,
                tick_s,
                elapsed_s,
                deadline_s,
                task_s,
                done_s,
                overhead_s,
                left_s,
                running,
                here,
                packed_available(available),
                packed_prices(prices),
                ON_DEMAND_USD_PER_H,
            )
        )
        request, region = checked(answer, tick, regions)
        if remaining_s <= DONE_S:
            if not strict:
                spot_usd_per_h = [final_price(window.first_prices, here, region)] * len(ran)
            usd = tuple(
                tick_usd(action, price, window.tick_s) for action, price in zip(ran, spot_usd_per_h, strict=True)
            )
            counts = starts, moves, free_moves
            return Bill(window.tick_s, tuple(ran), tuple(where), usd, tuple(work_s), *counts, forced_tick)
        if remaining_s > safe_from_start_s - elapsed_s and (strict or remaining_s > NEGLIGIBLE_S):
            rides = not strict and running is SPOT and left_s < NEGLIGIBLE_S
            order = SPOT if rides else ON_DEMAND
            # Hopping between regions on demand, a start each time, would make a run late.
            place = here if strict else region
            if forced_tick is None and (request, region) != (order, place):
                forced_tick = tick
            request, region = order, place
        if request is SPOT and not available[region]:
            request = NONE
        if strict:
            goes_on = request is running and region == here
        else:  # the public simulator judges preemption in the region left, and sees no move
            goes_on = request is running and (running is not SPOT or bool(available[here]))
        if request is not NONE and not goes_on:
            left_s = overhead_s
            starts += 1
            moves += ran_in not in (None, region)
        else:
            free_moves += region != here
        ran_in = ran_in if request is NONE else region
        running, here = request, region
        ran.append(running)
        where.append(here)
        spot_usd_per_h.append(prices[here])
    raise Infeasible(
        f"the window of {window.ticks} ticks ended with {remaining_s:.0f} s of {task_s:.0f} s of work left"
    )


def final_price(first_prices: Sequence[float], last: int, named: int) -> float:
    """Return what the public rules charge for every tick of spot of a run, USD/h.

    first_prices: (regions,) at the window's first tick.  last: the region of the last tick that was paid.  named: the
    one named when the work is found done. The public simulator takes the price of `named`, whatever it is, so that a
    program which then names the cheapest region rewrites its whole bill; here that move may raise the price, as
    published, but not lower it. The published baseline does not move then.
    """
    return max(first_prices[last], first_prices[named])


def tick_usd(action: str, spot_usd_per_h: float, tick_s: int) -> float:
    """Return what a tick costs, USD."""
    if action is NONE:
        return 0.0
    return (spot_usd_per_h if action is SPOT else ON_DEMAND_USD_PER_H) * tick_s / 3600


def checked(answer: Any, tick: int, regions: int) -> tuple[str, int]:
    """Read an answer as (action, region). Raises Infeasible that says in which tick and what is wrong."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Infeasible(
            f"tick {tick}: decide returned {reprlib.repr(answer)}, expected (action, region), such as ('SPOT', 0)"
        )
    action = ACTIONS.get(answer[0]) if type(answer[0]) is str else None
    if action is None:
        raise Infeasible(
            f"tick {tick}: decide returned action {reprlib.repr(answer[0])}, expected 'SPOT', 'ON_DEMAND' or 'NONE'"
        )
    region = answer[1]
    if type(region) is not int or not 0 <= region < regions:
        raise Infeasible(f"tick {tick}: decide returned region {reprlib.repr(region)}, expected int 0..{regions - 1}")
    return action, region
