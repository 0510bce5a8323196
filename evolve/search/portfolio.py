"""Portfolio: several strategies on one archive; the budget goes on with whoever brings gain.

After GEPA's `omni` (2026), which switches engines on plateaus, with a bandit in the place of a fixed order. One member
at a time chooses, and goes on for as long as the best program improves. After `plateau` evaluations without a better
one the member with the highest

    R_k / V_k + C sqrt(ln(sum V) / V_k)

is next, the present one left out: R is the fading sum of its gains, each squeezed into 0..1 (`Gains`), V the fading
number of its evaluations. Who has not had its turn comes first. Every member learns of every program, so whoever takes
over knows what the others have found.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import Field, field_validator

from evolve.search.bandit import Gains
from evolve.search.strategies import known_strategies, make_strategy
from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Selection, Trial

__all__ = ["Portfolio"]

FADING = 0.98
"""What an evaluation leaves of the evidence on all members."""


class PortfolioOptions(StrategyOptions):
    """Of the strategy 'portfolio'."""

    members: str = Field(
        default="islands,climbing,pareto,map_elites", description="strategies that take turns, each with its defaults"
    )
    plateau: int = Field(
        default=15, ge=1, description="evaluations without a better program after which another member chooses"
    )
    curiosity: float = Field(default=0.2, ge=0, description="weight of members that have had few evaluations, C")

    @field_validator("members")
    @classmethod
    def _are_strategies(cls, members: str) -> str:
        known = sorted(known_strategies().keys() - {"portfolio"})
        names = _names(members)
        wrong = [name for name in names if name not in known]
        if wrong or not names:
            raise ValueError(f"'{', '.join(wrong) or members}': expected names of {', '.join(known)}")
        return members


@dataclass(slots=True)
class _Member:
    name: str
    strategy: Strategy
    reward: float = 0.0
    weight: float = 0.0


class Portfolio(Strategy):
    """Several strategies by turns. A child's place is its member's name and the place that the member gave it."""

    name: ClassVar[str] = "portfolio"
    Options = PortfolioOptions

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._members = [_Member(name, make_strategy(name, {})) for name in _names(self.options.members)]
        self._now = 0
        self._best = -math.inf
        self._since = 0
        self._gains = Gains()

    def begun(self, selection: Selection) -> None:
        """Hand the choice to the member that it was of."""
        name, _, place = selection.place.partition(":")
        for member in self._members:
            if member.name == name:
                member.strategy.begun(selection._replace(place=place))

    def tell(self, trial: Trial) -> None:
        """Tell every member; a program of another member has no place with it."""
        name, _, place = trial.place.partition(":")
        elsewhere = trial.at("")
        for member in self._members:
            member.strategy.tell(elsewhere.at(place) if member.name == name else elsewhere)
        if not trial.is_program:
            return
        gain = 0.0 if trial.score is None else max(0.0, trial.score - self._best)
        if trial.parent is None or self._best == -math.inf:
            self._best = -math.inf if trial.score is None else trial.score
            return
        self._learn(name, gain)
        self._best, self._since = self._best + gain, 0 if gain > 0 else self._since + 1
        if self._since >= self.options.plateau and len(self._members) > 1:
            self._switch()

    def ask(self, rng: random.Random) -> Choice:
        """Ask the member whose turn it is. Others may want a child that it does not, so there is no bar."""
        member = self._members[self._now]
        choice = member.strategy.ask(rng)
        return replace(
            choice, place=f"{member.name}:{choice.place}", reason=f"{member.name}: {choice.reason}", bar=None
        )

    def _learn(self, name: str, gain: float) -> None:
        for member in self._members:
            member.reward, member.weight = FADING * member.reward, FADING * member.weight
            if member.name == name:
                member.weight += 1.0
                member.reward += self._gains.squeezed(gain)

    def _switch(self) -> None:
        total = sum(member.weight for member in self._members) + 1.0

        def bound(index: int) -> float:
            member = self._members[index]
            if member.weight == 0.0:
                return math.inf
            rare: float = math.sqrt(math.log(total) / member.weight)
            return float(member.reward / member.weight + self.options.curiosity * rare)

        others = [index for index in range(len(self._members)) if index != self._now]
        # Of equal ones the next in order: everybody has a turn before anybody has two.
        self._now = max(others, key=lambda index: (bound(index), -((index - self._now) % len(self._members))))
        self._since = 0


def _names(members: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in members.split(",") if name.strip()))
