"""Halve a number: small, and enough to be found by its entry point."""

import math

from evolve.evaluator import Evaluator, Infeasible, Instance, Outcome


class Halving(Evaluator):
    """0 for the number itself, 100 for its half."""

    name = "halving"
    summary = "Halve a number (an example of an installed plug-in)"
    defines = ("half",)

    def instances(self, split):
        """Return three of them."""
        return [Instance(f"{split}/{number}") for number in (10, 20, 30)]

    def evaluate(self, candidate, instance):
        """Score one answer. Raises Infeasible for what is no number."""
        whole = float(instance.id.partition("/")[2])
        found = candidate.call("half", whole)
        if not isinstance(found, float) or not math.isfinite(found):
            raise Infeasible(f"half({whole:g}) returned {found!r:.40}, expected a finite float")
        off = abs(found - whole / 2)
        return Outcome(max(-100.0, 100 - 200 * off / whole), {"off": off}, f"half({whole:g}) is off by {off:g}")
