"""What a step does: the chooser asks the parts of the search which program is changed, how, and by whom."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from evolve.config import BUILTIN, RunConfig
from evolve.mutate.mutation import Kind
from evolve.search import (
    Background,
    Choice,
    Kinds,
    Leaders,
    Lineage,
    Models,
    Notes,
    Novelty,
    RepairDesk,
    fixed_mix,
    make_strategy,
)
from evolve.trial import Selection, Trial


class Hears(Protocol):
    """A part of the search."""

    def tell(self, trial: Trial) -> None:
        """Hear how a step ended."""


class Chooser:
    """Chooses steps.

    Its state follows from the calls of `begun` and `tell`, in their order; `choose` changes nothing, and all chance is
    the step's own. So a resumed run, which makes the same calls again, goes on as it would have.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        in_usd = config.prices_known and any(model.is_served for model in config.models)
        self._lineage = lineage = Lineage()
        self._strategy = make_strategy(config.search.strategy, config.search.options)
        self._models = Models(lineage, in_usd, config.mutation.models == "weights")
        self._kinds = Kinds(lineage, in_usd, fixed_mix(config.mutation.mix))
        self._desk = RepairDesk(lineage, config.mutation.repair_turns)
        self._novelty = Novelty(lineage)
        self._notes = Notes(lineage, config.prompt.insights_every, config.asks_models)
        self._leaders = Leaders()
        self._parts: tuple[Hears, ...] = (
            lineage,  # first: the others look a trial's family up
            *(self._strategy, self._models, self._kinds, self._desk, self._novelty, self._notes, self._leaders),
        )

    def begun(self, selection: Selection) -> None:
        """Hear of a choice that was committed."""
        self._strategy.begun(selection)
        self._desk.begun(selection)
        self._notes.begun(selection)

    def tell(self, trial: Trial) -> None:
        """Hear how a step ended, the seed's trial before all others."""
        for part in self._parts:
            part.tell(trial)

    def background(self, parent_id: int) -> Background:
        """Return what the run knows that concerns a prompt about a program."""
        return replace(self._notes.background(parent_id), leaders=self._leaders.best())

    def choose(self, step: int, free: frozenset[str] | None = None) -> Selection:
        """Return the choice of a step. free: models that can be asked now; None: all of them."""
        weights = {m.name: m.weight for m in self._config.models if free is None or m.name in free}
        subjects, why = self._notes.due()
        if subjects:
            return self._insight(step, subjects, why, weights)
        mutator = self._models.choose(weights, self._chance("model", step))
        evidence = self._models.evidence(mutator) if len(self._config.models) > 1 else ""
        choice = self._strategy.ask(self._chance("ask", step))
        if mutator == BUILTIN:
            return self._selection(step, choice, mutator, "", None, evidence)
        shown = self._leaders.worth_showing(choice.parent, choice.inspirations)
        kind, choice, how = self._kind(step, replace(choice, inspirations=shown))
        novelty = self._novelty.bar(self._chance("novelty", step)) if self._config.mutation.novelty else None
        return self._selection(step, choice, mutator, kind, novelty, how, evidence)

    def _selection(
        self, step: int, choice: Choice, mutator: str, kind: str, novelty: float | None, *reasons: str
    ) -> Selection:
        reason = "; ".join(filter(None, (choice.reason, *reasons)))
        bar = choice.bar if self._config.racing.enabled else None
        inspirations = choice.inspirations
        return Selection(step, choice.parent, inspirations, choice.place, reason, mutator, kind, novelty, bar)

    def _kind(self, step: int, choice: Choice) -> tuple[Kind, Choice, str]:
        broken = self._desk.next()
        impossible = set() if broken else {Kind.REPAIR}
        if choice.parent == 0:  # the seed is no algorithm to keep: nothing to shorten, nothing to join
            impossible |= {Kind.CROSSOVER, Kind.SIMPLIFY}
        elif not choice.inspirations:
            impossible.add(Kind.CROSSOVER)
        kind, why = self._kinds.choose(impossible, self._chance("kind", step))
        if kind is Kind.REPAIR and broken is not None:
            id, reason = broken
            return kind, Choice(id, (self._lineage.sound_ancestor(id),), self._lineage.place(id), reason), why
        return kind, choice, why

    def _insight(self, step: int, about: tuple[int, ...], reason: str, weights: Mapping[str, float]) -> Selection:
        """Write down what the latest improvements teach; a model does it where there is one."""
        models = [name for name in weights if name != BUILTIN]
        mutator = self._chance("model", step).choice(models) if models else BUILTIN
        return Selection(step, about[-1], about, self._lineage.place(about[-1]), reason, mutator, Kind.INSIGHT)

    def _chance(self, purpose: str, step: int) -> random.Random:
        return random.Random(f"{self._config.seed}/{purpose}/{step}")
