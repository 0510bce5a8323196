"""Which arm to pull: the kind of a mutation, or the model that makes it, by improvement per dollar.

Budgeted Thompson sampling (Xia, Li, Qin, Yu and Liu 2015, "Thompson Sampling for Budgeted Multi-Armed Bandits"): gain
and cost of an arm each have a beta posterior, and the arm with the highest ratio of one draw to the other is pulled.
Old evidence fades (discounted Thompson sampling, Raj and Kalyani 2017), since what helps early in a run need not help
late.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from evolve.search.lineage import Lineage
from evolve.trial import Trial

__all__ = ["Arms", "Bandit", "Gains"]

FADING = 0.99
"""What is left of an arm's evidence at each `tell` of any arm: a step counts for about a hundred others."""
GAINS_KEPT = 64
"""Positive gains whose median is the scale of the next one."""
CHEAPEST = 0.05
"""Least share of the dearest cost that an arm is taken to cost, so that a free arm does not win by that alone."""


class Gains:
    """Squeezes gains into 0..1: g is worth g / (g + m), m the median of the latest, so half are always above 1/2."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque()
        self._ranked: list[float] = []

    def squeezed(self, gain: float) -> float:
        """Take a gain in, and return what it is worth; of 0 or less nothing is learnt, and it is worth 0."""
        if gain <= 0:
            return 0.0
        if len(self._latest) == GAINS_KEPT:
            del self._ranked[bisect_left(self._ranked, self._latest.popleft())]
        self._latest.append(gain)
        insort(self._ranked, gain)
        return gain / (gain + median(self._ranked))


@dataclass(slots=True)
class _Arm:
    """Evidence on one arm, beyond the uniform prior. gain, cost: of steps; pulls: how many, none faded."""

    gain: float = 0.0
    cost: float = 0.0
    evidence: float = 0.0
    pulls: int = 0

    def draw(self, rng: random.Random) -> float:
        gain = rng.betavariate(1 + self.gain, 1 + self.evidence - self.gain)
        return gain / max(rng.betavariate(1 + self.cost, 1 + self.evidence - self.cost), 1e-9)

    def means(self) -> tuple[float, float]:
        return (1 + self.gain) / (2 + self.evidence), (1 + self.cost) / (2 + self.evidence)


class Bandit:
    """Learns from `tell`; `choose` changes nothing, so the state follows from these calls, in their order.

    A gain counts as `Gains` squeezes it. A cost is a share of the dearest so far, whatever the unit.
    """

    def __init__(self) -> None:
        self._arms: dict[str, _Arm] = {}
        self._gains = Gains()
        self._dearest = 0.0

    def tell(self, arm: str, gain: float, cost: float | None) -> None:
        """Learn what a step of an arm brought.

        gain: points that the child is above its parent, 0 or less when it is not or there is no child.
        cost: in any one unit; None for a call that failed: it counts as the dearest, for the time that it took.
        """
        for known in self._arms.values():
            known.gain *= FADING
            known.cost *= FADING
            known.evidence *= FADING
        pulled = self._arms.setdefault(arm, _Arm())
        pulled.pulls += 1
        pulled.evidence += 1
        pulled.gain += self._gains.squeezed(gain)
        if cost is not None and cost > self._dearest:
            self._dearest = cost
        pulled.cost += 1.0 if cost is None or self._dearest == 0 else max(cost / self._dearest, CHEAPEST)

    def choose(self, weights: Mapping[str, float], rng: random.Random) -> tuple[str, str]:
        """Return one of the arms in `weights`, and why, in a few words.

        weights: arm -> factor on its draw, > 0: the preference before there is evidence.
        """
        drawn = {arm: weight * self._arms.get(arm, _Arm()).draw(rng) for arm, weight in weights.items()}
        best = max(drawn, key=drawn.__getitem__)
        return best, self.evidence(best)

    def evidence(self, arm: str) -> str:
        """Return what is known of an arm, in a few words."""
        known = self._arms.get(arm, _Arm())
        gain, cost = known.means()
        return f"{arm}: gain {gain:.2f} for cost {cost:.2f} in {known.pulls} pulls"


class Arms:
    """The models that may be asked, or the kinds of change: a bandit over them that learns from every step.

    in_usd: a call costs dollars, else tokens.  by_weight: weights alone decide, whatever was learnt.
    arm: whose an attempt was; None: it tells nothing.
    """

    def __init__(self, lineage: Lineage, in_usd: bool, by_weight: bool, arm: Callable[[Trial], str | None]) -> None:
        self._lineage, self._in_usd, self._by_weight, self._arm = lineage, in_usd, by_weight, arm
        self._bandit = Bandit()

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        arm = self._arm(trial) if trial.is_attempt else None
        if arm is not None:
            has_failed = trial.called and not trial.answered
            cost = (trial.cost_usd if self._in_usd else trial.call_tokens) or 0.0
            self._bandit.tell(arm, self._lineage.gain, None if has_failed else cost)

    def choose(self, weights: Mapping[str, float], rng: random.Random) -> tuple[str, str]:
        """Return one of the arms in `weights`, and why, in a few words."""
        if self._by_weight:
            return rng.choices(list(weights), list(weights.values()))[0], ""
        return self._bandit.choose(weights, rng)

    def evidence(self, arm: str) -> str:
        """Return what is known of an arm, in a few words."""
        return self._bandit.evidence(arm)
