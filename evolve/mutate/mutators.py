"""The mutators that there are: the built-in one, and installed ones that stand in its place."""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points

from evolve.config import BUILTIN
from evolve.errors import UsageError, only_one, pick
from evolve.mutate.mutation import Mutator, Proposal, Request

GROUP = "evolve.mutators"
"""The entry points through which mutators of other packages are found."""


def make_mutator(name: str) -> Mutator:
    """Return the mutator of a name. Raises UsageError when there is none, two have the name, or it does not load."""
    point = _point(name)
    if point is None:
        from evolve.mutate.builtin import BuiltinMutator

        return BuiltinMutator()
    try:
        mutator = point.load()()
    except Exception as error:  # foreign code: whatever it raises is its author's message
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"mutation.mutator {name}: {point.value} does not load ({reason}).") from None
    if not callable(getattr(mutator, "propose", None)):
        raise UsageError(f"mutation.mutator {name}: {point.value} has no method propose(request).")
    return mutator  # type: ignore[no-any-return]


@functools.cache
def _point(name: str) -> EntryPoint | None:
    """Return who gives a name, None for the built-in one: looked up once a process, and a mutator is made a step."""
    points = list(entry_points(group=GROUP))
    known: dict[str, EntryPoint | None] = {BUILTIN: None, **{point.name: point for point in points}}
    point = pick("mutation.mutator", name, known)
    only_one("mutation.mutator", name, [point.value for point in points if point.name == name], name == BUILTIN)
    return point


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
