"""What a step does: the chooser asks the parts of the search which program is changed, how, and by whom."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from evolve.config import BUILTIN, RunConfig
from evolve.errors import UsageError
from evolve.loop.budget import Spending
from evolve.mutate.mutation import TUNE, Kind
from evolve.objectives import oriented
from evolve.search import (
    Arms,
    Background,
    Choice,
    Leaders,
    Lineage,
    Notes,
    Novelty,
    RepairDesk,
    Tier,
    Tuner,
    Turns,
    fixed_mix,
    make_strategy,
)
from evolve.search.kinds import PREFERENCE
from evolve.trial import Selection, Trial


class Chooser:
    """Chooses steps. numbers: id -> how many numbers a program has that can be tuned; None: none of any has.

    Its state follows from the calls of `begun` and `tell`, in their order; `choose` changes nothing, and all chance is
    the step's own. So a resumed run, which makes the same calls again, goes on as it would have.
    """

    def __init__(self, config: RunConfig, numbers: Callable[[int], int] | None = None) -> None:
        self._config, self._asks_models = config, config.asks_models
        in_usd = config.prices_known and any(model.is_served for model in config.models)
        self._lineage = lineage = Lineage()
        self._strategy = make_strategy(config.search.strategy, config.search.options)
        self._is_founded = False  # no program has a score yet, so that a strategy has nothing to choose from
        mix, by_weight = fixed_mix(config.mutation.mix), config.mutation.models == "weights"
        self._mix = mix or PREFERENCE
        self._models = Arms(lineage, in_usd, by_weight, lambda trial: None if trial.asked == TUNE else trial.model)
        self._kinds = Arms(lineage, in_usd, bool(mix), lambda trial: trial.asked if trial.called else None)
        self._desk = RepairDesk(lineage, config.mutation.repair_turns)
        self._novelty = Novelty(lineage)
        self._notes = Notes(lineage, config.prompt.insights_every, self._asks_models)
        self._leaders = Leaders()
        self._turns = Turns(lineage, config.search.starts, config.search.turn_after)
        share = config.mutation.tune if numbers is not None else 0.0
        trials = config.mutation.tune_evaluations
        self._tuner = Tuner(lineage, share, trials, config.seed, numbers or (lambda id: 0), self._leaders.scores)
        self._spending = Spending(config.budget)
        self._learn: tuple[Callable[[Trial], None], ...] = (
            lineage.tell,  # first: the others look a trial's family up
            *((self._models.tell,) if len(config.models) > 1 else ()),  # of one there is nothing to choose
            *(self._kinds.tell, self._desk.tell, self._novelty.tell),
            *(self._notes.tell, self._leaders.tell, self._turns.tell, self._tuner.tell),
        )

    def begun(self, selection: Selection) -> None:
        """Take note of a choice that was committed."""
        if self._is_founded:
            self._strategy.begun(selection)
        self._desk.begun(selection)
        self._notes.begun(selection)
        self._turns.begun(selection)
        self._tuner.begun(selection)

    def tell(self, trial: Trial, with_fresh: Trial | None = None) -> None:
        """Learn how a step ended, the seed's trial before all others. with_fresh: what the strategy gets instead."""
        self._spending.tell(trial)
        trial = self._judged(trial)
        for learn in self._learn:
            learn(trial)
        trial = trial if with_fresh is None else self._judged(with_fresh)
        if not self._is_founded:  # where there is no seed, the first program with a score stands for it
            if trial.score is None:
                return
            self._is_founded, trial = True, trial._replace(parent=None)
        self._strategy.tell(trial)

    def renew(self, trials: Sequence[Trial]) -> None:
        """Have the strategy begin again with these programs alone, the seed first. No step is in flight."""
        self._strategy = make_strategy(self._config.search.strategy, self._config.search.options)
        for trial in trials:
            self._strategy.tell(self._judged(trial))

    def _judged(self, trial: Trial) -> Trial:
        point = oriented(self._config.objectives, trial.metrics, trial.score) if self._config.objectives else ()
        if trial.parent is None and trial.score is not None and self._config.objectives and not point:
            wanted = ", ".join(one.metric for one in self._config.objectives)
            known = ", ".join(["score", *trial.metrics])
            raise UsageError(f"objectives are {wanted}; the seed has these metrics on train: {known}.")
        return Trial._make((*trial[:-2], self._spending.share, point))

    def values(self, step: int) -> tuple[float, ...]:
        """Return what a step in flight sets its parent's numbers to, as of `tuned`; empty where it does not."""
        return self._tuner.values(step)

    def background(self, parent_id: int) -> Background:
        """Return what the run knows that concerns a prompt about a program."""
        known, leaders = self._notes.background(parent_id), self._leaders.best()
        compared = {parent_id, *(attempt.id for attempt in known.attempts), *(known.best or ())[:1]}
        measured = self._leaders.scores(sorted(compared))
        return replace(known, leaders=leaders, measured=measured, stalled=self._turns.stalled)

    def is_start(self, step: int) -> bool:
        """Return whether a step is one of several beginnings, each of which sees the ideas of those before."""
        return self._asks_models and self._turns.is_start(step)

    def choose(self, step: int, free: frozenset[str] | None = None) -> Selection:
        """Return the choice of a step. free: models that can be asked now; None: all of them."""
        if not self._is_founded:
            return self._first(step, free)
        subjects, why = self._notes.due()
        if subjects:
            return self._insight(step, subjects, why, self._weights(free))
        choice = self._strategy.ask(self._chance("ask", step))
        subject = self._tuner.subject(choice.parent)
        if subject is not None:
            return self._tuning(step, choice, *subject)
        if self._asks_models:
            choice = self._turned(step, choice)
        mutator, _ = self._models.choose(self._weights(free, choice.tier), self._chance("model", step))
        evidence = self._models.evidence(mutator) if len(self._config.models) > 1 else ""
        if mutator == BUILTIN:
            return self._selection(step, choice, mutator, "", None, evidence)
        shown = self._leaders.worth_showing(choice.parent, choice.inspirations)
        kind, choice, how = self._kind(step, replace(choice, inspirations=shown))
        novelty = self._novelty.bar(self._chance("novelty", step)) if self._config.mutation.novelty else None
        return self._selection(step, choice, mutator, kind, novelty, how, evidence)

    def _first(self, step: int, free: frozenset[str] | None) -> Selection:
        """Ask for the first program, or for the repair of one that failed."""
        id, reason = self._desk.next() or (0, "no program has a score yet")
        mutator, _ = self._models.choose(self._weights(free), self._chance("model", step))
        return Selection(step, id, (), "", reason, mutator, Kind.REPAIR if id else Kind.REWRITE)

    def _selection(
        self, step: int, choice: Choice, mutator: str, kind: str, novelty: float | None, *reasons: str
    ) -> Selection:
        reason = "; ".join(filter(None, (choice.reason, *reasons)))
        bar = choice.bar if self._config.racing.enabled else None
        inspirations = choice.inspirations
        return Selection(
            step, choice.parent, inspirations, choice.place, reason, mutator, kind, novelty, bar, show=choice.instances
        )

    def _tuning(self, step: int, choice: Choice, id: int, reason: str) -> Selection:
        """Set numbers of a program, which its trials race against: one far behind it tells no more than that."""
        bar = id if self._config.racing.enabled else None
        place = self._lineage.place(id) or choice.place  # the seed is everywhere
        return Selection(step, id, (), place, reason, BUILTIN, TUNE, None, bar)

    def _weights(self, free: frozenset[str] | None, tier: Tier | None = None) -> dict[str, float]:
        """Return the weights of the models of a tier that can be asked now, or of whoever can."""
        able = [model for model in self._config.models if free is None or model.name in free]
        fit = [model for model in able if tier is None or model.tier in (tier, "any")]
        return {model.name: model.weight for model in fit or able}

    def _turned(self, step: int, choice: Choice) -> Choice:
        """Return a strategy's choice, or what goes before it: one of several beginnings, or another approach."""
        if self._turns.is_start(step):
            why = f"beginning {step} of {self._config.search.starts}"
            return replace(choice, parent=0, inspirations=(), reason=why, bar=None, kind=Kind.EXPLORE)
        if self._turns.is_due:
            why = f"{choice.reason}; nothing better for long: another approach"
            return replace(choice, inspirations=(), reason=why, bar=None, kind=Kind.TURN, tier="strong")
        return choice

    def _kind(self, step: int, choice: Choice) -> tuple[Kind, Choice, str]:
        if choice.kind is not None and (choice.kind is not Kind.CROSSOVER or choice.inspirations):
            return choice.kind, choice, ""
        broken = self._desk.next()
        impossible = set() if broken else {Kind.REPAIR}
        impossible |= self._senseless(choice) if not self._config.mutation.mix else set()
        partner = None if choice.parent == 0 else self._leaders.partner(choice.parent, choice.inspirations)
        if partner is None:
            impossible.add(Kind.CROSSOVER)
        possible = {name: weight for name, weight in self._mix.items() if name not in impossible}
        kind, why = Kind.EDIT, "none of the mix is possible"
        if possible:
            name, why = self._kinds.choose(possible, self._chance("kind", step))
            kind = Kind(name)
        if kind is Kind.REPAIR and broken is not None:
            id, reason = broken
            ancestor = self._lineage.sound_ancestor(id)
            sound = () if self._lineage.score(ancestor) is None else (ancestor,)
            return kind, Choice(id, sound, self._lineage.place(id) or choice.place, reason), why
        if kind is Kind.CROSSOVER and partner is not None:
            shown = (partner, *(id for id in choice.inspirations if id != partner))
            return kind, replace(choice, inspirations=shown), why
        return kind, choice, why

    def _senseless(self, choice: Choice) -> set[Kind]:
        """Return the kinds of change that would be wasted on a choice; a fixed mix goes before."""
        flying = {kind for _, kind in self._notes.flying(choice.parent)}
        # Twice at once they would be nearly the same question; an edit or an idea has many answers.
        senseless = {kind for kind in (Kind.CROSSOVER, Kind.SIMPLIFY) if kind in flying}
        if choice.parent == 0 or not self._lineage.has_grown(choice.parent):
            senseless.add(Kind.SIMPLIFY)
        if choice.parent == 0 and not self._lineage.has_children:
            # The first calls know of no result: unlike beginnings are worth most.
            asked = {kind for kind in (Kind.REWRITE, Kind.EXPLORE) if kind in flying}
            senseless |= {Kind.EDIT} | (asked if len(asked) == 1 else set())
        return senseless

    def _insight(self, step: int, about: tuple[int, ...], reason: str, weights: Mapping[str, float]) -> Selection:
        """Write down what the latest improvements teach; a model does it where there is one."""
        models = [name for name in weights if name != BUILTIN]
        mutator = self._chance("model", step).choice(models) if models else BUILTIN
        return Selection(step, about[-1], about, self._lineage.place(about[-1]), reason, mutator, Kind.INSIGHT)

    def _chance(self, purpose: str, step: int) -> random.Random:
        return random.Random(f"{self._config.seed}/{purpose}/{step}")
