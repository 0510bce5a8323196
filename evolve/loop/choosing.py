"""What a step does: which program is changed, what kind of change is asked for, and of whom."""

from __future__ import annotations

import difflib
import random
from bisect import insort
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evolve.archive import Fate, Selection, StepEnd
from evolve.config import BUILTIN, MutationConfig, RunConfig
from evolve.errors import UsageError
from evolve.mutate.mutation import Attempt, Insight, Kind
from evolve.mutate.novelty.threshold import NoveltyThreshold
from evolve.scoring import Status
from evolve.search import Bandit, Choice, RepairDesk, Scored, make_strategy

PREFERENCE: Mapping[Kind, float] = {
    Kind.EDIT: 2.0,
    Kind.REWRITE: 1.0,
    Kind.CROSSOVER: 1.0,
    Kind.EXPLORE: 1.0,
    Kind.SIMPLIFY: 0.5,
    Kind.REPAIR: 1.0,
}
"""Kinds before there is evidence: edits are the cheapest, the same with less is worth a try now and then."""

ATTEMPTS_KEPT = 8
TOP_KEPT = 8
INSIGHTS_KEPT = 40
ANCESTORS = 50
"""How far up a program's ancestors are looked at for an insight that concerns it."""
EVIDENCE_SHARE = 0.1
"""Steps whose child is evaluated however like another it is: without them the threshold could not rise again."""


@dataclass(frozen=True)
class Background:
    """What the run knows that concerns a prompt; the fields are those of `Request`."""

    attempts: tuple[Attempt, ...]
    insights: tuple[Insight, ...]
    related: frozenset[int]
    taken: tuple[tuple[int, str], ...]


class Chooser:
    """Chooses steps.

    Its state follows from the calls of `seeded`, `begun` and `hear`, in their order; `choose` changes nothing, and all
    chance is the step's own. So a resumed run, which makes the same calls again, goes on as it would have.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._mix = fixed_mix(config.mutation)
        self._strategy = make_strategy(config.search)
        self._models, self._kinds = Bandit(), Bandit()
        self._in_usd = config.prices_known and any(model.is_served for model in config.models)
        self._desk = RepairDesk(config.mutation.repair_turns)
        self._novelty = NoveltyThreshold()
        self._scores: dict[int, float] = {}
        self._parents: dict[int, int] = {}
        self._islands: dict[int, int] = {}
        self._attempts: dict[int, deque[Attempt]] = {}
        self._insights: deque[Insight] = deque(maxlen=INSIGHTS_KEPT)
        self._improved: list[int] = []
        self._ideas: list[tuple[float, int, str]] = []
        self._worst = self._best = 0.0

    def seeded(self, score: float) -> None:
        """Hear the score of the seed, before anything else."""
        self._scores[0] = self._worst = self._best = score
        self._strategy.tell(Scored(0, None, -1, score))

    # -- choosing ------------------------------------------------------------------------------------------------

    def choose(self, step: int, told: int, free: frozenset[str] | None = None) -> Selection:
        """Return the choice of a step.

        told: how many ends of steps the search knows of.  free: models that can be asked now; None: all of them.
        """
        weights = {m.name: m.weight for m in self._config.models if free is None or m.name in free}
        if self._config.prompt.insights_every and len(self._improved) >= self._config.prompt.insights_every:
            return self._insight(step, told, weights)
        mutator = self._mutator(step, weights)
        why = self._models.evidence(mutator) if len(self._config.models) > 1 else ""
        choice = self._strategy.ask(self._chance("ask", step))
        if mutator == BUILTIN:
            return self._selection(step, choice, told, mutator, "", None, why)
        kind, choice, how = self._kind(step, choice)
        return self._selection(step, choice, told, mutator, kind, self._novelty_of(step), how, why)

    def _selection(
        self, step: int, choice: Choice, told: int, mutator: str, kind: str, novelty: float | None, *reasons: str
    ) -> Selection:
        return Selection(
            step,
            choice.parent,
            choice.inspirations,
            choice.island,
            told,
            "; ".join(filter(None, (choice.reason, *reasons))),
            mutator,
            kind,
            novelty,
            choice.bar if self._config.racing.enabled else None,
        )

    def _mutator(self, step: int, weights: Mapping[str, float]) -> str:
        rng = self._chance("model", step)
        if len(weights) == 1:
            return next(iter(weights))
        if self._config.mutation.models == "weights":
            return rng.choices(list(weights), list(weights.values()))[0]
        return self._models.choose(weights, rng)[0]

    def _kind(self, step: int, choice: Choice) -> tuple[Kind, Choice, str]:
        broken = self._desk.next()
        possible = set(self._mix or PREFERENCE)
        if broken is None:
            possible.discard(Kind.REPAIR)
        if not any(id in self._scores for id in choice.inspirations):
            possible.discard(Kind.CROSSOVER)
        rng = self._chance("kind", step)
        weights = {kind: weight for kind, weight in (self._mix or PREFERENCE).items() if kind in possible}
        if not weights:
            kind, why = Kind.EDIT, "none of the mix is possible"
        elif self._mix:
            kind, why = rng.choices(list(weights), list(weights.values()))[0], ""
        else:
            name, why = self._kinds.choose({kind.value: weight for kind, weight in weights.items()}, rng)
            kind = Kind(name)
        if kind is Kind.REPAIR and broken is not None:
            id, reason = broken
            return kind, Choice(id, (self._sound_ancestor(id),), self._islands[id], reason), why
        return kind, choice, why

    def _insight(self, step: int, told: int, weights: Mapping[str, float]) -> Selection:
        """Write down what the latest improvements teach; a model does it where there is one."""
        models = [name for name in weights if name != BUILTIN]
        mutator = self._chance("model", step).choice(models) if models else BUILTIN
        about = tuple(self._improved[-self._config.prompt.insights_every :])
        reason = f"{len(self._improved)} improvements since the last insight"
        return Selection(step, about[-1], about, self._islands[about[-1]], told, reason, mutator, Kind.INSIGHT)

    def _novelty_of(self, step: int) -> float | None:
        if not self._config.mutation.novelty or self._chance("novelty", step).random() < EVIDENCE_SHARE:
            return None
        threshold = self._novelty.threshold()
        return threshold if threshold <= 1.0 else None

    # -- learning ------------------------------------------------------------------------------------------------

    def begun(self, selection: Selection) -> None:
        """A choice was committed."""
        if selection.kind == Kind.REPAIR:
            self._desk.begun(selection.parent_id)
        elif selection.kind == Kind.INSIGHT:
            self._improved = [id for id in self._improved if id not in selection.inspirations]

    def hear(self, end: StepEnd) -> None:
        """Hear how a step ended."""
        selection, id = end.selection, end.selection.step
        if selection.fate is Fate.INSIGHT:
            self._insights.append(Insight(id, selection.inspirations, selection.note, end.detail))
            return
        gain = 0.0
        if end.is_scored:
            gain = self._place(end)
        self._learn(end, gain)
        outcome = end.status.value if end.status is not None else (selection.fate or Fate.CALL_ERROR).value
        note = _last_line(end.failure) or selection.note or end.idea
        attempts = self._attempts.setdefault(selection.parent_id, deque(maxlen=ATTEMPTS_KEPT))
        attempts.append(Attempt(id, end.kind, end.score, outcome, end.idea if end.score is not None else note))

    def _place(self, end: StepEnd) -> float:
        """Take in a child that was evaluated; return by how many points it beats its last sound ancestor."""
        selection, id = end.selection, end.selection.step
        self._parents[id], self._islands[id] = selection.parent_id, selection.island
        is_outrun = end.status is Status.OUTRUN
        self._strategy.tell(Scored(id, selection.parent_id, selection.island, end.score, is_outrun))
        before = self._scores[self._sound_ancestor(id)]
        if end.nearest_id is not None and end.likeness is not None:
            self._novelty.learn(end.likeness, end.score != self._scores.get(end.nearest_id))
        if end.score is None:
            return 0.0
        self._scores[id] = end.score
        self._worst = min(self._worst, end.score)
        if end.score > self._best:
            self._best = end.score
            self._improved.append(id)
        if end.idea:
            insort(self._ideas, (-end.score, id, end.idea))
            del self._ideas[TOP_KEPT:]
        return end.score - before

    def _learn(self, end: StepEnd, gain: float) -> None:
        selection = end.selection
        amount = end.cost_usd if self._in_usd else float(end.tokens)
        cost = None if end.called and not end.answered else amount or 0.0
        self._models.tell(selection.mutator, gain, cost)
        if end.called:
            self._kinds.tell(selection.kind, gain, cost)
        sound, failed = end.status in (Status.OK, Status.OUTRUN), end.status is not None and end.status.is_failure
        if selection.kind == Kind.REPAIR:
            if end.answered:
                self._desk.tried(selection.parent_id, selection.step, sound, end.failure if failed else None)
        elif failed and end.called:
            span = self._best - self._worst
            before = self._scores[self._sound_ancestor(selection.step)]
            self._desk.broken(selection.step, (before - self._worst) / span if span > 0 else 1.0, end.failure)

    # -- what prompts tell ---------------------------------------------------------------------------------------

    def background(self, parent_id: int) -> Background:
        """Return what the run knows that concerns a prompt about a program."""
        line = {parent_id, *self._ancestors(parent_id)}
        related = frozenset(i.id for i in self._insights if line & set(i.subjects))
        return Background(
            tuple(self._attempts.get(parent_id, ())),
            tuple(self._insights),
            related,
            tuple((id, idea) for _, id, idea in self._ideas),
        )

    def _ancestors(self, id: int) -> Iterator[int]:
        for _ in range(ANCESTORS):
            above = self._parents.get(id)
            if above is None:
                return
            yield above
            id = above

    def _sound_ancestor(self, id: int) -> int:
        """Return the nearest ancestor with a score; the seed has one."""
        return next((above for above in self._ancestors(id) if above in self._scores), 0)

    def _chance(self, purpose: str, step: int) -> random.Random:
        return random.Random(f"{self._config.seed}/{purpose}/{step}")


def fixed_mix(config: MutationConfig) -> dict[Kind, float]:
    """Return the weights that `mutation.mix` fixes, empty when a bandit chooses. Raises UsageError."""
    mix: dict[Kind, float] = {}
    for part in filter(None, (part.strip() for part in config.mix.split(","))):
        name, _, text = part.partition("=")
        known = [kind.value for kind in PREFERENCE]
        if name.strip() not in known:
            near = difflib.get_close_matches(name.strip(), known, n=1)
            hint = f"Did you mean '{near[0]}'? " if near else ""
            raise UsageError(
                f"--mutation {config.mix}: kind '{name.strip()}' is unknown. {hint}Known: {', '.join(known)}."
            )
        try:
            weight = float(text) if text else 1.0
        except ValueError:
            weight = -1.0
        if not 0 < weight < float("inf"):
            raise UsageError(f"--mutation {config.mix}: '{part}': expected kind=weight, such as edit=3.")
        mix[Kind(name.strip())] = weight
    return mix


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""
