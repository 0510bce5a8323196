"""The mutators that there are: the built-in one, and installed ones that stand in its place."""

from __future__ import annotations

from evolve import entry_points
from evolve.config import BUILTIN
from evolve.errors import UsageError
from evolve.mutate.mutation import Mutator, Proposal, Request

GROUP = "evolve.mutators"
"""The entry points through which mutators of other packages are found."""


def make_mutator(name: str) -> Mutator:
    """Return the mutator of a name. Raises UsageError when there is none, two have the name, or it does not load."""
    point = entry_points.find("mutation.mutator", name, GROUP, (BUILTIN,))
    if point is None:
        from evolve.mutate.builtin import BuiltinMutator

        return BuiltinMutator()
    try:
        mutator = entry_points.load("mutation.mutator", point)()
    except UsageError:
        raise
    except Exception as error:  # foreign code: whatever it raises is its author's message
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"mutation.mutator {name}: {point.value} cannot be made ({reason}).") from None
    if not callable(getattr(mutator, "propose", None)):
        raise UsageError(f"mutation.mutator {name}: {point.value} has no method propose(request).")
    return mutator  # type: ignore[no-any-return]


def proposed(name: str, request: Request) -> Proposal:
    """Return what a mutator makes of a request; what an installed one raises is a proposal with an error."""
    mutator = make_mutator(name)
    if name == BUILTIN:
        return mutator.propose(request)
    try:
        found = mutator.propose(request)
    except Exception as error:  # foreign code: a fault of it costs a step, not the run
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return Proposal("none", None, f"the mutator {name} failed: {reason}")
    if not isinstance(found, Proposal):
        return Proposal("none", None, f"the mutator {name} returned a {type(found).__name__}, expected a Proposal")
    return found
