"""Parents from the frontier of per-instance bests (GEPA, arXiv 2507.19457, section 3 and appendix F).

A program is on the frontier when it is the best on some train instance and no other frontier program leads on all
instances that it leads on. A parent is drawn in proportion to the number of instances that it leads on, where those
who are equally good share one. Now and then two that complement each other are merged: the second is who leads on most
instances where the first does not, and no pair is merged twice.

Beyond the paper: who leads somewhere and is behind the best mean by more than BEHIND standard errors of the paired
differences is shown and merged, but is no parent. Of many programs and instances one that is worse everywhere leads
somewhere by a trifle, and with few calls each of them counts.

Where a run has several objectives, the frontier is that of the programs that nobody beats in all of them (`Front`), and
who is shown or merged lies far away on it. Of two that are drawn there the one with the higher score is the parent.
"""

from __future__ import annotations

import math
import operator
import random
from collections import Counter
from collections.abc import Sequence
from statistics import mean, stdev
from typing import ClassVar, TypeAlias

from pydantic import Field

from evolve.mutate.mutation import Kind
from evolve.search.front import Front
from evolve.search.strategy import Choice, Strategy, StrategyOptions
from evolve.trial import Selection, Trial

__all__ = ["Pareto"]


MERGE = "merge"
"""The place of a child of two."""
BEHIND = 2.0
"""Standard errors."""

_Drawn: TypeAlias = tuple[int, tuple[int, ...], str, tuple[int, ...]]
"""Parent, who is shown besides it, why, and on which instances the first of those leads and the parent does not."""


class ParetoOptions(StrategyOptions):
    """Of the strategy 'pareto'."""

    leaders: int = Field(default=8, ge=1, description="programs remembered per instance that are equally best on it")
    inspirations: int = Field(
        default=2, ge=0, description="programs shown besides the parent: who leads most where it does not"
    )
    bound: int = Field(default=64, ge=2, description="with several objectives: programs that the frontier keeps")
    merge: float = Field(
        default=0.2, ge=0, le=1, description="share of steps that join two programs which lead on different instances"
    )


class Pareto(Strategy):
    """Keeps, for each train instance, who is best on it."""

    name: ClassVar[str] = "pareto"
    Options = ParetoOptions

    def __init__(self, options: StrategyOptions | None = None) -> None:
        super().__init__(options)
        self._best: list[float] = []
        self._leaders: list[list[int]] = []
        self._known: dict[int, tuple[float, list[float]]] = {}  # of those who lead: mean, scores
        self._front: dict[int, set[int]] = {}
        self._parents: dict[int, float] = {}
        self._by_objectives = Front(self.options.bound)
        self._merged: set[tuple[int, int]] = set()

    def begun(self, selection: Selection) -> None:
        """Remember which pairs were merged."""
        if selection.place == MERGE and selection.inspirations:
            self._merged.add(_pair(selection.parent_id, selection.inspirations[0]))

    def tell(self, trial: Trial) -> None:
        """Place a program with a score among the leaders of the instances on which it is as good as any."""
        if trial.score is None:
            return
        if trial.objectives:
            self._by_objectives.add(trial.id, trial.objectives, trial.score)
            return
        scores = [score for score in trial.scores if score is not None] or [trial.score]
        if not self._best:
            self._best = [-math.inf] * len(scores)
            self._leaders = [[] for _ in scores]
        if all(map(operator.lt, scores, self._best)):
            return  # as nearly every program of a long run
        self._known[trial.id] = trial.score, scores
        for place, score in enumerate(scores[: len(self._best)]):
            if score > self._best[place]:
                self._best[place], self._leaders[place] = score, [trial.id]
            elif score == self._best[place]:
                self._leaders[place].append(trial.id)
        for leaders in self._leaders:
            if len(leaders) > self.options.leaders:  # of equal ones there, who is worst elsewhere, of these the oldest
                leaders.remove(min(leaders, key=lambda id: (self._mean(id), id)))
        leading = {id for leaders in self._leaders for id in leaders}
        self._known = {id: known for id, known in self._known.items() if id in leading}
        self._front = {}  # made when somebody asks: many programs in a row may lead, and all of a resume do so unasked
        self._merged = {pair for pair in self._merged if leading.issuperset(pair)}

    def ask(self, rng: random.Random) -> Choice:
        """Draw a parent from a frontier, and show who is good at something else; now and then the two are merged."""
        parent, shown, why, worst = self._on_front(rng) if len(self._by_objectives) else self._among_leaders(rng)
        if shown and rng.random() < self.options.merge and _pair(parent, shown[0]) not in self._merged:
            why += f"; merged with {shown[0]}" + (f", which leads on {len(worst)} others" if worst else "")
            return Choice(parent, shown, MERGE, why, kind=Kind.CROSSOVER, instances=worst)
        return Choice(parent, shown[: self.options.inspirations], "", why, instances=worst)

    def _among_leaders(self, rng: random.Random) -> _Drawn:
        """Return a parent, who leads where it does not, why, and where the first of those leads."""
        if not self._front:
            self._front = self._frontier()
            self._parents = self._weights()
        leads = self._front
        parent = rng.choices(list(self._parents), list(self._parents.values()))[0]
        left = behind = set(range(len(self._best))) - leads[parent]
        shown: list[int] = []
        while left and len(shown) < self.options.inspirations:
            # Who leads on any of what is left is neither the parent nor shown yet.
            best = max(leads, key=lambda id: (len(leads[id] & left), self._mean(id), -id))
            if not leads[best] & left:
                break
            shown.append(best)
            left = left - leads[best]
        why = f"leads on {len(leads[parent])} of {len(self._best)} instances; {len(leads)} do on some"
        return parent, tuple(shown), why, tuple(sorted(behind & leads[shown[0]])) if shown else ()

    def _on_front(self, rng: random.Random) -> _Drawn:
        parent = self._by_objectives.draw(rng)
        shown = self._by_objectives.far_from(parent, max(1, self.options.inspirations))
        return parent, shown, f"one of {len(self._by_objectives)} that nobody beats in all objectives", ()

    def _weights(self) -> dict[int, float]:
        """Return of those on the frontier who may be parents the instances that each leads on, shared among equals."""
        shared = Counter(place for places in self._front.values() for place in places)
        best = max(self._front, key=lambda id: (self._mean(id), id))
        return {
            id: sum(1 / shared[place] for place in sorted(self._front[id]))
            for id in sorted(self._front)
            if id == best or not _is_behind(self._known[id][1], self._known[best][1])
        }

    def _mean(self, id: int) -> float:
        return self._known[id][0]

    def _frontier(self) -> dict[int, set[int]]:
        """Return the frontier: by id, the instances on which a program is among the best."""
        leads: dict[int, set[int]] = {}
        for place, leaders in enumerate(self._leaders):
            for id in leaders:
                leads.setdefault(id, set()).add(place)
        kept: dict[int, set[int]] = {}
        for id in sorted(leads, key=lambda one: (-len(leads[one]), -self._mean(one), one)):
            if not any(leads[id] <= places for places in kept.values()):
                kept[id] = leads[id]
        return kept


def _is_behind(own: Sequence[float], best: Sequence[float]) -> bool:
    """Return whether scores on the same instances are behind those of another program by more than chance makes."""
    behind = [theirs - score for theirs, score in zip(best, own, strict=False)]
    if len(behind) < 2:
        return False
    return mean(behind) > BEHIND * stdev(behind) / math.sqrt(len(behind))


def _pair(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)
