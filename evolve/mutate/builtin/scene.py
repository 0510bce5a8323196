"""What every operator is given, and what it gives back."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from evolve.mutate.builtin.analysis import Analysis
from evolve.mutate.builtin.edit import Edit
from evolve.mutate.builtin.grow import Ground
from evolve.mutate.builtin.kinds import Kind, kind_of
from evolve.mutate.builtin.places import Site, Spot
from evolve.mutate.builtin.program import Program

T = TypeVar("T")


@dataclass(frozen=True)
class Scene:
    """One attempt.

    analysis: the parent.  others: further programs to take from, best first.  defines: names that must stay.
    """

    analysis: Analysis
    others: Sequence[Analysis]
    defines: tuple[str, ...]
    rng: random.Random

    @property
    def program(self) -> Program:
        """The parent."""
        return self.analysis.program

    def edit(self) -> Edit:
        """Begin a change of the parent."""
        return Edit(self.program)

    def kind(self, site: Site) -> Kind:
        """Return the likely kind of an expression of the parent; in an exact place, a number is an integer."""
        kind = kind_of(site.node, self.analysis.kinds)
        return Kind.INTEGER if kind is Kind.NUMBER and site.exact else kind

    def ground(self, place: Site | Spot) -> Ground:
        """Return what can be built at a place of the parent."""
        return Ground(self.analysis, place.statement if isinstance(place, Site) else place.node)

    def one(self, items: Sequence[T]) -> T | None:
        """Return one of the items by chance, None when there are none."""
        return self.rng.choice(items) if items else None


Operator: TypeAlias = Callable[[Scene], str | None]
"""Returns the child's source, not yet checked, or None when it found no place or nothing to put there."""
