"""The ledger: what a run has worked, what it pays and what it sees. The policy only answers; every figure is made here.

Plain Python, not simpy: a run is one loop over ticks of equal length, and nothing waits in a queue.
Source: Wu et al., "Can't Be Late", NSDI 2024, and the order of events of its public simulator.
"""

from __future__ import annotations

import functools
import reprlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

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
    Terms,
    safe_s,
)
from evolve.evaluator import Infeasible, Instance, Record, pack

SPOT_USD_PER_H = 3.06 / (3.06 / 0.9731)
"""Written as the benchmark computes it, so that the last bit agrees too."""
USD_PER_H = {NONE: 0.0, SPOT: SPOT_USD_PER_H, ON_DEMAND: ON_DEMAND_USD_PER_H}

AVAILABLE = (pack(np.array([False])), pack(np.array([True])))
PACKED_SPOT_USD_PER_H = pack(np.array([SPOT_USD_PER_H]))


@dataclass(frozen=True)
class Window(Instance):
    """A window of one zone and the runs that see it, in lockstep.

    zone: where the availability comes from, for messages.  start_tick: first tick in the zone's trace.
    available: one byte per tick, 1 = spot available.  runs: each with its own policy object.
    """

    zone: str
    start_tick: int
    tick_s: int
    available: bytes = field(repr=False)
    runs: tuple[Terms, ...]


class Info(Record, frozen=True):
    """The constants of a run, given to `Policy(info)`."""

    tick_s: float
    deadline_s: float
    task_s: float
    overhead_s: float
    spot_usd_per_h: np.ndarray
    on_demand_usd_per_h: float


@dataclass(frozen=True)
class Bill:
    """A completed run.

    paid: what each tick was charged for, one entry per observation: entry t is tick t-1, the first is NONE.
    work_s: seconds of work gained in the same ticks.  forced_tick: first tick in which the guard overruled the policy.
    """

    tick_s: int
    paid: tuple[str, ...]
    work_s: tuple[float, ...]
    forced_tick: int | None

    @functools.cached_property
    def cost_usd(self) -> float:
        """What the run cost; the last, partly used tick is paid whole."""
        usd = {action: price * self.tick_s / 3600 for action, price in USD_PER_H.items()}
        return sum([usd[action] for action in self.paid])

    @property
    def finish_s(self) -> int:
        """Seconds from the start to the end of the tick that completed the work."""
        return (len(self.paid) - 1) * self.tick_s

    @property
    def starts(self) -> int:
        """How often a machine was started, each time at the price of one overhead."""
        pairs = zip(self.paid, self.paid[1:], strict=False)
        return sum(now is not NONE and now is not before for before, now in pairs)

    def hours(self, action: str) -> float:
        """Hours in which `action` ran; the entry before the first tick is not counted."""
        return (self.paid[1:].count(action)) * self.tick_s / 3600


def ledger(window: Window, terms: Terms, rules: Rules) -> Generator[Observation, Any, Bill]:
    """Keep the books of one run: yields what the policy sees, is sent its answer, returns the bill.

    rules: "public" follows the published simulator to the letter: its guard lets spot ride on past the last safe tick,
        and the run may end late. "strict": the guard is ON_DEMAND, so that no run ends late.
    Raises Infeasible for an answer that is no action, and when the window ends before the work is done.
    """
    tick_s, task_s = float(window.tick_s), float(terms.task_s)
    deadline_s, overhead_s = float(terms.deadline_s), float(terms.overhead_s)
    strict = rules == "strict"
    safe_from_start_s = float(safe_s(terms, window.tick_s))
    running, left_s, done_s, remaining_s = NONE, 0.0, 0.0, task_s
    paid: list[str] = []
    work_s: list[float] = []
    forced_tick = None
    for tick, available in enumerate(window.available):
        paid.append(running)
        if running is NONE:
            work_s.append(0.0)
        else:
            gained_s = tick_s - left_s if left_s < tick_s else 0.0
            left_s -= tick_s - gained_s
            if left_s < NEGLIGIBLE_S:
                left_s = 0.0
            if gained_s > remaining_s:
                gained_s = remaining_s
            work_s.append(gained_s)
            done_s += gained_s
            remaining_s = task_s - done_s
        elapsed_s = tick * tick_s
        answer = yield Observation(
            tick,
            tick_s,
            elapsed_s,
            deadline_s,
            task_s,
            done_s,
            overhead_s,
            left_s,
            running,
            0,
            AVAILABLE[available],
            PACKED_SPOT_USD_PER_H,
            ON_DEMAND_USD_PER_H,
        )
        request = ACTIONS.get(answer) if type(answer) is str else None
        if request is None:
            raise Infeasible(
                f"tick {tick}: decide returned {reprlib.repr(answer)}, expected 'SPOT', 'ON_DEMAND' or 'NONE'"
            )
        if remaining_s <= DONE_S:
            return Bill(window.tick_s, tuple(paid), tuple(work_s), forced_tick)
        if remaining_s > safe_from_start_s - elapsed_s and (strict or remaining_s > NEGLIGIBLE_S):
            rides = not strict and running is SPOT and left_s < NEGLIGIBLE_S
            order = SPOT if rides else ON_DEMAND
            if forced_tick is None and request is not order:
                forced_tick = tick
            request = order
        if request is SPOT and not available:
            request = NONE
        if request is not NONE and request is not running:
            left_s = overhead_s
        running = request
    raise Infeasible(
        f"the window of {len(window.available)} ticks ended with {remaining_s:.0f} s of {task_s:.0f} s of work left"
    )


Ask = Callable[[Sequence[int], Sequence[Observation]], Sequence[Any]]
"""Puts one observation each to the policies of the runs with these numbers, and returns their answers in order."""


def play(window: Window, rules: Rules, ask: Ask) -> list[Bill]:
    """Run all runs of a window in lockstep: one question a tick, to those that still go on. Returns their bills."""
    ledgers = [ledger(window, terms, rules) for terms in window.runs]
    bills: dict[int, Bill] = {}
    active = list(range(len(ledgers)))
    observations = [next(books) for books in ledgers]
    while active:
        answers = ask(active, observations)
        if len(answers) != len(active):
            raise Infeasible(f"{len(answers)} answers to {len(active)} observations")
        observations = []
        for run, answer in zip(active, answers, strict=True):
            try:
                observations.append(ledgers[run].send(answer))
            except StopIteration as finished:
                bills[run] = finished.value
        if len(observations) < len(active):
            active = [run for run in active if run not in bills]
    return [bills[run] for run in range(len(ledgers))]


def unpacked(observation: Observation) -> Observation:
    """Return an observation as the candidate's end sees it, its arrays no longer in the form in which they are sent."""
    available = np.array([observation.spot_available is AVAILABLE[1]])
    return msgspec.structs.replace(observation, spot_available=available, spot_usd_per_h=np.array([SPOT_USD_PER_H]))


def info_of(window: Window, terms: Terms) -> Info:
    """Return the constants that the policy of a run is made with."""
    return Info(
        float(window.tick_s),
        float(terms.deadline_s),
        float(terms.task_s),
        float(terms.overhead_s),
        np.array([SPOT_USD_PER_H]),
        ON_DEMAND_USD_PER_H,
    )
