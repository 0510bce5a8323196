"""Work in whole units, for the dynamic programs that find the offline optimum.

Every amount of work that a run can have left is its task less a multiple of q = gcd(tick, overhead): a tick of work is
a multiple of q, and so is what an overhead leaves of it.
"""

from __future__ import annotations

from math import gcd

from evaluators.spot_traces.runs import Terms, safe_s


class WorkUnits:
    """Work of a run in units of q seconds, and what each tick after a start gains.

    units: of the task.  gains: by step, units.  step: of what runs, counted in ticks since its start, 0 = in the tick
    of the start; the last has no overhead left.
    """

    def __init__(self, tick_s: int, terms: Terms) -> None:
        self.tick_s, self.terms = tick_s, terms
        self.unit_s = gcd(tick_s, terms.overhead_s)
        self.units = -(-terms.task_s // self.unit_s)
        self.beyond_task_s = self.units * self.unit_s - terms.task_s
        self.tick_units = tick_s // self.unit_s
        self.overhead_units = terms.overhead_s // self.unit_s
        self.last = max(1, -(-terms.overhead_s // tick_s))
        left = [max(self.overhead_units - step * self.tick_units, 0) for step in range(self.last + 1)]
        self.gains = [max(self.tick_units - units, 0) for units in left]

    def guarded_from(self, tick: int) -> int:
        """Return the fewest units left with which the guard binds."""
        now_s = safe_s(self.terms, self.tick_s) - tick * self.tick_s
        return max(1, (now_s + self.beyond_task_s) // self.unit_s + 1)
