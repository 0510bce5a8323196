"""What the archive holds, as plain frozen objects: no reader sees SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from evolve.evaluator import Split
from evolve.scoring import SplitScore, Status
from evolve.trial import Fate, Trial


class RunStatus(StrEnum):
    """INTERRUPTED: the process that ran it was killed. STOPPED: it can be resumed; FINISHED: it is done."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class Role(StrEnum):
    """What a program is to its run."""

    SEED = "seed"
    CHILD = "child"
    BASELINE = "baseline"


ROTATING: Final = "rotating"
"""Stands in the place of a split for results on train instances that are drawn anew (`evolve.loop.rotation`)."""
Part = Split | Literal["rotating"]
"""What results are kept under."""


class CallStatus(StrEnum):
    """SENT: committed before it was sent, no answer yet. FAILED: the client gave up; `error` says why."""

    SENT = "sent"
    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(frozen=True)
class Program:
    """A program and its figures on the train split.

    Attributes:
        id: 0 = the seed, or what the run started from in its place, step number for a child, -1, -2, ... for baselines.
        name: "seed", or "start" of another program that the run started from, a baseline's name, empty for a child.
        place: where the search meant it to belong, in the strategy's own words; empty for the seed and baselines.
        kind: what made it: "seed", "baseline", "constant", "crossover", "edit", "rewrite", ...
        idea: a model's own words on what it changed, one line.
        nearest_id, likeness: the program that it was most like when it came, and how like, 0..1; None: not looked for.
        status: None until the evaluation on train is committed.
        score: None unless status is ok.
        scores: one per train instance, in their order, None where it has none; fewer when the evaluation stopped.
        chars, tokens: length of the source.
        cpu_s: CPU seconds of the program on the whole train split.
        failure: the first failing instance's text, empty when status is ok or outrun.
        created: seconds since the epoch.
        source: the whole program.
    """

    id: int
    role: Role
    kind: str
    fingerprint: str
    source: str
    created: float
    name: str = ""
    parent_id: int | None = None
    place: str = ""
    status: Status | None = None
    score: float | None = None
    scores: tuple[float | None, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    chars: int = 0
    tokens: int = 0
    cpu_s: float = 0.0
    failure: str = ""
    idea: str = ""
    nearest_id: int | None = None
    likeness: float | None = None

    def with_score(self, score: SplitScore) -> Program:
        """Return the program with its figures on train."""
        return replace(
            self,
            status=score.status,
            score=score.score,
            scores=tuple(result.score for result in score.instances),
            metrics=score.metrics,
            cpu_s=score.cpu_s,
            failure=score.feedback if score.status.is_failure else "",
        )


@dataclass(frozen=True)
class SplitFigures:
    """One program on validation, test or public, as committed at the end of a run."""

    program_id: int
    split: Split
    status: Status
    score: float | None
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class ModelCall:
    """One question to a model.

    Attributes:
        system, prompt: the two messages that were sent; a resumed run sends them again when no answer is committed.
        digest: hash of model and messages.
        answer: what came back, empty until then.
        error: why there is no answer, or none of use (empty, refused).
        prompt_tokens: of these, cached_tokens were in the server's cache.
        completion_tokens: of these, reasoning_tokens were hidden.
        wasted_tokens: of both, those of requests that broke off and may be billed all the same.
        tokens_estimated: the server did not count all of them.
        cost_usd: None where no prices are known.
    """

    step: int
    model: str
    kind: str
    digest: str
    system: str
    prompt: str
    status: CallStatus
    answer: str = ""
    error: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    wasted_tokens: int = 0
    tokens_estimated: bool = False
    cost_usd: float | None = None
    latency_s: float = 0.0
    attempts: int = 0


@dataclass(frozen=True)
class CallTotals:
    """All model calls of a run. answered + failed + sent = calls.

    cut_off: requests that were on their way when the run was killed or stopped at once, and that may be billed.
    cut_off_tokens, cut_off_usd: what those cost at most; not part of the other figures, but of what a budget has left.
    """

    calls: int = 0
    answered: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    cut_off: int = 0
    cut_off_tokens: int = 0
    cut_off_usd: float = 0.0


class Improvement(NamedTuple):
    """A program that was the best so far on train.

    Attributes:
        evaluation: how many children had been scored by then, itself included; 0 for the seed.
        trial: how its step ended.
        gain: points above the best before; 0 for the seed.
        cost_usd: of the calls that ended since the one before; total_usd: of all by then.
    """

    evaluation: int
    trial: Trial
    score: float
    gain: float
    cost_usd: float
    total_usd: float


@dataclass(frozen=True)
class Share:
    """Steps of one mutator and kind that ended alike, counted.

    Attributes:
        kind: what the model was asked for, or what the built-in mutator did; "none" where it did nothing.
        calls: models that were asked; answered: and answered; unpriced: of these, without a price.
        sound: programs with a score.
        tokens, cost_usd: of the calls.
    """

    mutator: str
    kind: str
    fate: Fate
    steps: int
    calls: int
    answered: int
    sound: int
    tokens: int
    cost_usd: float
    unpriced: int


@dataclass(frozen=True)
class Summary:
    """A run at a glance.

    Attributes:
        reason: why it ended, empty while it runs.
        evaluations: children scored on train, whatever their status; the budget counts these.
        steps: steps chosen so far; fates: how many ended how; statuses: of their children on train.
        best_id, best_score: the best by train score among seed and children; None before the seed is scored.
        winner_id: picked on validation at the end; None before.
        active_s: seconds in which a process worked on the run, all resumes together.
        started, ended: seconds since the epoch.
    """

    evaluator: str
    status: RunStatus
    reason: str
    seed: int
    evaluations: int
    steps: int
    fates: Mapping[Fate, int]
    statuses: Mapping[Status, int]
    best_id: int | None
    best_score: float | None
    winner_id: int | None
    calls: CallTotals
    active_s: float
    started: float
    ended: float | None
    splits: tuple[SplitFigures, ...] = field(default=())


CUT_OFF = ("cut_off", "cut_off_tokens", "cut_off_usd")
"""Counts that an archive made before there were any has not."""


def count_names() -> list[str]:
    """Return the names of the counts that are kept."""
    steps = ["steps", *(f"steps {fate}" for fate in Fate)]
    calls = ["calls", *(f"calls {status}" for status in CallStatus), "prompt_tokens", "completion_tokens", "cost_usd"]
    return [*steps, *calls, *(f"programs {status}" for status in Status), *CUT_OFF]
