"""The smallest problem there is: find the number 42. For tests and benchmarks of everything around a problem."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evolve.evaluator import Candidate, Evaluator, Infeasible, Instance, Limits, Outcome, Split, fresh_id


class Trivial(Evaluator):
    """One instance, which takes no time of its own: score 100 * (1 - |x - 42| / 41)."""

    name = "trivial"
    summary = "Find the number 42 (for tests and benchmarks)"
    defines = ("answer",)
    limits = Limits(call_s=2.0, cpu_s=2.0, memory_mb=256)

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the one instance of the split."""
        return [Instance(f"{split}/0")]

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Return instances that are like the one of the split."""
        return [Instance(fresh_id(split, seed, index)) for index in range(count)]

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for the number. Raises Infeasible when it is none."""
        x = candidate.call("answer")
        if type(x) not in (int, float) or not math.isfinite(x):
            raise Infeasible(f"answer() returned {x!r:.80}, expected a finite number")
        distance = abs(x - 42.0)
        feedback = f"{x} is {distance} away" if distance else ""
        return Outcome(max(-100.0, 100 * (1 - distance / 41)), {"distance": distance}, feedback)
