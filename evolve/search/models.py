"""Which model is asked: by weight, or by what asking it has brought for its price."""

from __future__ import annotations

import random
from collections.abc import Mapping

from evolve.mutate.mutation import TUNE
from evolve.search.bandit import Bandit
from evolve.search.lineage import Lineage
from evolve.trial import Trial

__all__ = ["Models", "price"]


class Models:
    """Learns from every step what its model is worth; a bandit that begins at the weights, or the weights alone."""

    def __init__(self, lineage: Lineage, in_usd: bool, by_weight: bool) -> None:
        self._lineage, self._in_usd, self._by_weight = lineage, in_usd, by_weight
        self._bandit = Bandit()

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        if trial.is_attempt and trial.asked != TUNE:
            self._bandit.tell(trial.model, self._lineage.gain, price(trial, self._in_usd))

    def choose(self, weights: Mapping[str, float], rng: random.Random) -> str:
        """Return one of the models in `weights`."""
        if len(weights) == 1:
            return next(iter(weights))
        if self._by_weight:
            return rng.choices(list(weights), list(weights.values()))[0]
        return self._bandit.choose(weights, rng)[0]

    def evidence(self, model: str) -> str:
        """Return what is known of a model, in a few words."""
        return self._bandit.evidence(model)


def price(trial: Trial, in_usd: bool) -> float | None:
    """Return what a step's call cost, in US dollars or in tokens; None where it failed."""
    if trial.called and not trial.answered:
        return None
    return (trial.cost_usd if in_usd else float(trial.call_tokens)) or 0.0
