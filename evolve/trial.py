"""What the search learns of each step: first its choice, later its trial, that is, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from evolve.scoring import Status


class State(StrEnum):
    """How far a step has come; `evolve.archive.events.MOVES` says what follows what."""

    CHOSEN = "chosen"
    ASKED = "asked"
    ANSWERED = "answered"
    FAILED = "failed"
    BORN = "born"
    SCORED = "scored"
    DROPPED = "dropped"


class Fate(StrEnum):
    """What became of a step. Only SCORED counts as an evaluation. INSIGHT: it was to write one down, and did.

    NO_CHANGE: the model was asked for a change and answered that it would make none.
    """

    SCORED = "scored"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    PARSE_ERROR = "parse_error"
    NO_CHANGE = "no_change"
    CALL_ERROR = "call_error"
    INSIGHT = "insight"


class Selection(NamedTuple):
    """What a step is to do, and why.

    Attributes:
        inspirations: other programs to look at; of a step that writes an insight down, the programs it is about.
        place: where the search means the child to belong, in the strategy's own words; nobody else reads it.
        mutator: "builtin" or a model's name.
        kind: what the model is asked for; "tune": numbers of the parent are set; else empty for the built-in mutator,
            whose child says what was done.
        novelty: a child that is this like another program, or more, is rejected; None: none is.
        bar_id: the program that the child races against; None: the child is evaluated on every instance.
        known: the last event that the search knew of when it chose.
        show: train instances that the prompt is to tell of first; the prompt is kept, so the archive has no need of it.
        fate: None while the step is under way.
        note: why there is no new program: the parse error, the id of the program it repeats; or the insight.
    """

    step: int
    parent_id: int
    inspirations: tuple[int, ...]
    place: str
    reason: str
    mutator: str
    kind: str = ""
    novelty: float | None = None
    bar_id: int | None = None
    known: int = 0
    state: State = State.CHOSEN
    fate: Fate | None = None
    note: str = ""
    show: tuple[int, ...] = ()

    def repeats(self, other: Selection) -> bool:
        """Return whether this is the same choice, for another answer to the same prompt."""
        if self.kind == "" or self.known != other.known:
            return False
        same = self._replace(step=other.step, state=other.state, fate=other.fate, note=other.note, show=other.show)
        return same == other


class Trial(NamedTuple):
    """How a step ended. The seed is trial 0, which every search learns of first; its parent is None.

    Attributes:
        id: the step, which is the child's id.
        parent, inspirations, place: as chosen.
        asked: what the model was asked for; empty for the built-in mutator.
        kind: what was done: the program's kind, or what was asked for where there is no program.
        model: "builtin" or a model's name.
        status: of the child on train; None where there is no new program.
        score: None unless status is ok.
        scores: one per train instance, in their order, None where it has none; fewer when the evaluation stopped.
        metrics: of the whole train split, empty unless status is ok.
        chars, tokens: length of the child's source.
        cpu_s: CPU seconds of the child on train.
        called: a model was asked.  answered: and it answered.  call_tokens, cost_usd: of the call.
        failure, idea: the child's first failure; the model's own words on the change.
        note: why there is no new program, or the insight.  detail: of an insight.
        nearest, likeness: the program that the child was most like when it came, and how like, 0..1.
        used: share of the run's budget that the steps known so far have used, this one included, 0..1: of evaluations,
            calls, tokens or dollars, whichever is nearest to its end. A budget of minutes does not count: no state may
            depend on the speed of a host. 0 where nothing keeps count.
        objectives: the figures of the run's objectives, turned so that more is better; empty where there are none, or
            the child has no score.
    """

    id: int
    parent: int | None
    place: str = ""
    asked: str = ""
    kind: str = ""
    model: str = ""
    inspirations: tuple[int, ...] = ()
    fate: Fate = Fate.SCORED
    status: Status | None = None
    score: float | None = None
    scores: tuple[float | None, ...] = ()
    metrics: Mapping[str, float] = MappingProxyType({})
    chars: int = 0
    tokens: int = 0
    cpu_s: float = 0.0
    called: bool = False
    answered: bool = False
    call_tokens: int = 0
    cost_usd: float | None = None
    failure: str = ""
    idea: str = ""
    note: str = ""
    detail: str = ""
    nearest: int | None = None
    likeness: float | None = None
    used: float = 0.0
    objectives: tuple[float, ...] = ()

    def at(self, place: str) -> Trial:
        """Return the trial with another place; `_replace` takes several times as long."""
        return self if place == self.place else Trial._make((*self[:2], place, *self[3:]))

    @property
    def is_program(self) -> bool:
        """Whether there is a new program."""
        return self.status is not None

    @property
    def is_attempt(self) -> bool:
        """Whether the step was to make a program: all but the seed's and those that write an insight down."""
        return self.parent is not None and self.fate is not Fate.INSIGHT

    @property
    def is_broken(self) -> bool:
        """Whether there is a program, and it failed."""
        return self.status is not None and self.status.is_failure
