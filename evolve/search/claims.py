"""What every strategy keeps to: a test class to inherit from; pytest itself is not imported.

from evolve.testing import StrategyClaims

class TestMine(StrategyClaims):
    def make(self):
        return Mine()
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator

from evolve.mutate.mutation import Kind
from evolve.scoring import Status
from evolve.search.strategy import Choice, Strategy
from evolve.trial import Fate, Selection, Trial

__all__ = ["StrategyClaims"]

STEPS = 120
INSTANCES = 4


class StrategyClaims(ABC):
    """Inherit from it and give `make`. A strategy is led through runs in which everything happens that may."""

    @abstractmethod
    def make(self) -> Strategy:
        """Return a new strategy."""

    def test_with_the_seed_alone_the_seed_is_the_parent(self) -> None:
        """A run begins so."""
        strategy = self.make()
        strategy.tell(_seed())
        assert {choice.parent for choice in _asked(strategy)} == {0}

    def test_parents_inspirations_and_bars_are_programs_with_a_score_and_no_parent_inspires_itself(self) -> None:
        """A program that failed, was stopped early or is not known yet cannot be built on."""
        scores = {0: 0.0}
        for choice, trial in self._run(self.make(), 1):
            named = {choice.parent, *choice.inspirations, *([] if choice.bar is None else [choice.bar])}
            assert named <= scores.keys(), f"{sorted(named - scores.keys())} have no score, or are not known"
            assert choice.parent not in choice.inspirations
            assert len(set(choice.inspirations)) == len(choice.inspirations)
            assert choice.kind not in (Kind.REPAIR, Kind.INSIGHT), "what the loop does by itself"
            assert choice.kind is not Kind.CROSSOVER or choice.inspirations, "a crossover of one"
            assert set(choice.instances) <= set(range(INSTANCES)), "no such train instance"
            if trial.score is not None:
                scores[trial.id] = trial.score

    def test_asking_changes_nothing(self) -> None:
        """The loop may ask and not make the choice, where the budget has no room for it."""
        once, often = self.make(), self.make()
        for (one, _), (other, _) in zip(self._run(once, 2), self._run(often, 2, asked_besides=3), strict=True):
            assert one == other

    def test_the_state_follows_from_what_it_heard(self) -> None:
        """Who resumes a run tells the same again; chance comes from the generator that is handed over alone."""
        first = list(self._run(self.make(), 3))
        random.seed(7)
        assert list(self._run(self.make(), 3)) == first

    def test_it_begins_again_with_a_few_programs_of_a_run(self) -> None:
        """So it does when `search.fresh_instances` are drawn: children without their parents, steps left out."""
        whole, again = self.make(), self.make()
        scored = [trial for _, trial in self._run(whole, 5) if trial.score is not None]
        kept = sorted(scored, key=lambda trial: trial.score or 0.0)[-6:]
        again.tell(_seed())
        for trial in sorted(kept, key=lambda trial: trial.id):
            again.tell(trial)
        known = {0, *(trial.id for trial in kept)}
        for choice in _asked(again):
            assert {choice.parent, *choice.inspirations} <= known
            assert choice.bar is None or choice.bar in known

    def test_a_child_that_passes_no_bar_changes_no_choice_of_the_strategy(self) -> None:
        """What is stopped early must not have mattered: a child stopped there counts as one that is complete."""
        one, other = self.make(), self.make()
        for (choice, trial), _ in zip(self._run(one, 4), self._run(other, 4), strict=True):
            if choice.bar is None or trial.score is None:
                continue
            low = Trial(trial.id + STEPS, choice.parent, choice.place, status=Status.OK, score=-100.0)
            one.tell(low)
            other.tell(Trial(low.id, choice.parent, choice.place, status=Status.OUTRUN))
            assert [c.parent for c in _asked(one)] == [c.parent for c in _asked(other)]
            return

    def _run(self, strategy: Strategy, seed: int, asked_besides: int = 0) -> Iterator[tuple[Choice, Trial]]:
        """Lead a strategy through a run, a few steps in flight; yield each choice with what came of it."""
        rng = random.Random(seed)
        strategy.tell(_seed())
        flying: list[tuple[int, Choice]] = []
        for step in range(1, STEPS + 1):
            for other in range(asked_besides):
                strategy.ask(random.Random(f"{seed}/{step}/{other}"))
            choice = strategy.ask(random.Random(f"{seed}/{step}"))
            strategy.begun(Selection(step, choice.parent, choice.inspirations, choice.place, choice.reason, "m"))
            flying.append((step, choice))
            while len(flying) > 3 or (step == STEPS and flying):
                id, made = flying.pop(rng.randrange(len(flying)))
                trial = _ended(id, made, rng)
                yield made, trial
                strategy.tell(trial)


def _seed() -> Trial:
    return Trial(0, None, status=Status.OK, score=0.0, scores=(0.0,) * INSTANCES, chars=100, tokens=30)


def _asked(strategy: Strategy) -> list[Choice]:
    return [strategy.ask(random.Random(n)) for n in range(20)]


def _ended(id: int, choice: Choice, rng: random.Random) -> Trial:
    """Return a trial: with a score, failed, stopped early, or without a new program."""
    luck = rng.random()
    if luck < 0.15:
        return Trial(id, choice.parent, choice.place, fate=rng.choice([Fate.DUPLICATE, Fate.CALL_ERROR]))
    if luck < 0.3:
        return Trial(id, choice.parent, choice.place, status=rng.choice([Status.ERROR, Status.OUTRUN]))
    scores = tuple(rng.uniform(0.0, 100.0) for _ in range(INSTANCES))
    mean, chars = sum(scores) / INSTANCES, rng.randrange(100, 4_000)
    metrics = {"cost_usd": 100.0 - mean}
    return Trial(
        id, choice.parent, choice.place, status=Status.OK, score=mean, scores=scores, metrics=metrics, chars=chars,
        tokens=chars // 4, cpu_s=rng.random(), called=True, answered=True, call_tokens=900, cost_usd=0.01,
    )  # fmt: skip
