"""The mutator."""

import re

from evolve.mutate.mutation import Proposal, Request


class Nudge:
    """Multiplies one number of the parent by something near 1."""

    name = "nudge"

    def propose(self, request: Request) -> Proposal:
        """Return the child; `request.rng` is the only source of chance."""
        numbers = list(re.finditer(r"\d+\.\d+", request.parent.source))
        if not numbers:
            return Proposal("none", None, "the parent has no number with a point")
        one = request.rng.choice(numbers)
        value = float(one.group()) * request.rng.uniform(0.6, 1.3)
        source = request.parent.source
        return Proposal("nudge", f"{source[: one.start()]}{value:.4f}{source[one.end() :]}")
