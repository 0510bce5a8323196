"""Which kind of change a model is asked for: a fixed mix, or by what each kind has brought for its price."""

from __future__ import annotations

import difflib
import random
from collections.abc import Collection, Mapping

from evolve.errors import UsageError
from evolve.mutate.mutation import Kind
from evolve.search.bandit import Bandit
from evolve.search.lineage import Lineage
from evolve.search.models import price
from evolve.trial import Trial

__all__ = ["Kinds", "fixed_mix"]

PREFERENCE: Mapping[Kind, float] = {
    Kind.EDIT: 2.0,
    Kind.REWRITE: 1.0,
    Kind.CROSSOVER: 1.0,
    Kind.EXPLORE: 1.0,
    Kind.SIMPLIFY: 0.5,
    Kind.REPAIR: 1.0,
}
"""Kinds before there is evidence: edits are the cheapest, the same with less is worth a try now and then."""


class Kinds:
    """Learns from every call what its kind is worth. mix: kind -> weight, empty when a bandit is to choose."""

    def __init__(self, lineage: Lineage, in_usd: bool, mix: Mapping[Kind, float]) -> None:
        self._lineage, self._in_usd, self._mix = lineage, in_usd, mix
        self._bandit = Bandit()

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        if trial.is_attempt and trial.called:
            self._bandit.tell(trial.asked, self._lineage.gain, price(trial, self._in_usd))

    def choose(self, impossible: Collection[Kind], rng: random.Random) -> tuple[Kind, str]:
        """Return a kind that is possible, and why, in a few words."""
        weights = {kind: w for kind, w in (self._mix or PREFERENCE).items() if kind not in impossible}
        if not weights:
            return Kind.EDIT, "none of the mix is possible"
        if self._mix:
            return rng.choices(list(weights), list(weights.values()))[0], ""
        name, why = self._bandit.choose({kind.value: weight for kind, weight in weights.items()}, rng)
        return Kind(name), why

    def evidence(self, kind: Kind) -> str:
        """Return what is known of a kind, in a few words."""
        return self._bandit.evidence(kind.value)


def fixed_mix(text: str) -> dict[Kind, float]:
    """Return the weights that `mutation.mix` fixes, empty when a bandit chooses. Raises UsageError."""
    mix: dict[Kind, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, weighs = part.partition("=")
        known = [kind.value for kind in PREFERENCE]
        if name.strip() not in known:
            near = difflib.get_close_matches(name.strip(), known, n=1)
            hint = f"Did you mean '{near[0]}'? " if near else ""
            raise UsageError(f"--mutation {text}: kind '{name.strip()}' is unknown. {hint}Known: {', '.join(known)}.")
        try:
            weight = float(weighs) if weighs else 1.0
        except ValueError:
            weight = -1.0
        if not 0 < weight < float("inf"):
            raise UsageError(f"--mutation {text}: '{part}': expected kind=weight, such as edit=3.")
        mix[Kind(name.strip())] = weight
    return mix
