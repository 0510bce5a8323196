"""A run of either spot domain: what it is asked for, what its policy sees and may answer, and when it must run.

Source: Wu et al., "Can't Be Late", NSDI 2024, and its public simulators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from evolve.evaluator import Record

Rules = Literal["strict", "public"]

NONE, SPOT, ON_DEMAND = "NONE", "SPOT", "ON_DEMAND"
ACTIONS = {action: action for action in (NONE, SPOT, ON_DEMAND)}
"""An answer that came over the wire, and the one object that stands for it here."""

ON_DEMAND_USD_PER_H = 3.06

DONE_S = 1e-8
"""A run is complete when no more work than this is left."""
NEGLIGIBLE_S = 1e-3
"""Less overhead or, for the public guard, less work than this counts as none."""


@dataclass(frozen=True)
class Terms:
    """What a run is asked for: `task_s` seconds of work until `deadline_s`; every start loses `overhead_s`."""

    deadline_s: int
    task_s: int
    overhead_s: int

    def can_be_met(self, tick_s: int) -> bool:
        """Return whether one start and the work fit before the deadline, in whole ticks."""
        return -(-(self.task_s + self.overhead_s) // tick_s) <= self.deadline_s // tick_s


def ticks_needed(terms: Terms, tick_s: int) -> int:
    """Return how many ticks a window must have so that no run under these terms, late ones included, outlasts it."""
    return terms.deadline_s // tick_s + -(-terms.overhead_s // tick_s) + 4


def safe_s(terms: Terms, tick_s: int) -> int:
    """Return how much work may be left at the start of tick 0 so that a run may wait; every tick makes it a tick less.

    The guard of both rules binds when more work is left: a start in the next tick might then end after the last whole
    tick before the deadline. The public simulators write it as
    ceil((work_left_s + overhead_s) / tick_s) >= floor(time_left_s / tick_s): in whole seconds, the same.
    """
    return (terms.deadline_s // tick_s - 1) * tick_s - terms.overhead_s


class Observation(Record, frozen=True):
    """What `decide` sees at the start of a tick; the arrays are `(regions,)`, in the form in which they are sent."""

    tick: int
    tick_s: float
    elapsed_s: float
    deadline_s: float
    task_s: float
    done_s: float
    overhead_s: float
    overhead_left_s: float
    running: str
    region: int
    spot_available: Any
    spot_usd_per_h: Any
    on_demand_usd_per_h: float
