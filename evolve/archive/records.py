"""What the archive holds, as plain frozen objects: no reader sees SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from evolve.evaluator import Split
from evolve.scoring import SplitScore, Status


class RunStatus(StrEnum):
    """INTERRUPTED: the process that ran it is gone without a word. STOPPED: it can be resumed; FINISHED: it is done."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class Role(StrEnum):
    """What a program is to its run."""

    SEED = "seed"
    CHILD = "child"
    BASELINE = "baseline"


class Fate(StrEnum):
    """What became of a step. Only SCORED counts as an evaluation. INSIGHT: it was to write one down, and did."""

    SCORED = "scored"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    PARSE_ERROR = "parse_error"
    CALL_ERROR = "call_error"
    INSIGHT = "insight"


class CallStatus(StrEnum):
    """SENT: committed before it was sent, no answer yet. FAILED: the client gave up; `error` says why."""

    SENT = "sent"
    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(frozen=True)
class Program:
    """A program and its figures on the train split.

    Attributes:
        id: 0 = the seed, step number for a child, -1, -2, ... for baselines.
        name: "seed", a baseline's name, empty for a child.
        island: where the search put it; -1 for the seed, which belongs to all, and for baselines.
        kind: what made it: "seed", "baseline", "constant", "crossover", "edit", "rewrite", ...
        idea: a model's own words on what it changed, one line.
        nearest_id, likeness: the program that it was most like when it came, and how like, 0..1; None: not looked for.
        status: None until the evaluation on train is committed.
        score: None unless status is ok.
        told: rises in the order in which the search was told; None for baselines and what it was not told yet.
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
    island: int = -1
    status: Status | None = None
    score: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0
    failure: str = ""
    told: int | None = None
    idea: str = ""
    nearest_id: int | None = None
    likeness: float | None = None

    def with_score(self, score: SplitScore) -> Program:
        """Return the program with its figures on train."""
        return replace(
            self,
            status=score.status,
            score=score.score,
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
class Selection:
    """Why a step took its parent.

    Attributes:
        inspirations: of a step that writes an insight down, the programs that it is about.
        told: how many ends of steps the search knew of by then, the seed's score being the first.
        mutator: "builtin" or a model's name.
        kind: what the model was asked for; empty for the built-in mutator, whose child says what was done.
        novelty: a child this like another program, or more, is turned down; None: none is.
        bar_id: the program that the child races against; None: the child is evaluated on every instance.
        fate: None while the step is under way.
        note: why there is no new program: the parse error, the id of the program it repeats; or the insight.
        taken: 1, 2, ... in the order in which children were compared with those before them, or found to be none.
        ended: rises in the order in which the search was told of the steps' ends; None while it does not know.
    """

    step: int
    parent_id: int
    inspirations: tuple[int, ...]
    island: int
    told: int
    reason: str
    mutator: str
    kind: str = ""
    novelty: float | None = None
    bar_id: int | None = None
    fate: Fate | None = None
    note: str = ""
    taken: int | None = None
    ended: int | None = None


@dataclass(frozen=True)
class StepEnd:
    """How a step ended, as later choices know it.

    Attributes:
        selection: with its fate and note.
        kind: what was done: the program's kind, or what was asked for where there is none.
        status, score, failure, idea, nearest_id, likeness: of the child; None or empty where there is none.
        called: a model was asked.  answered: and it answered.  tokens, cost_usd: of the call.
        detail: of an insight, whose line is the selection's note.
    """

    selection: Selection
    kind: str
    status: Status | None = None
    score: float | None = None
    failure: str = ""
    idea: str = ""
    nearest_id: int | None = None
    likeness: float | None = None
    called: bool = False
    answered: bool = False
    tokens: int = 0
    cost_usd: float | None = None
    detail: str = ""

    @property
    def is_scored(self) -> bool:
        """Whether there is a new program."""
        return self.selection.fate is Fate.SCORED


@dataclass(frozen=True)
class CallTotals:
    """All model calls of a run. answered + failed + sent = calls."""

    calls: int = 0
    answered: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Summary:
    """A run at a glance.

    Attributes:
        reason: why it ended, empty while it runs.
        evaluations: children scored on train, whatever their status; the budget counts these.
        steps: steps chosen so far; fates: how many ended how.
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
    fates: Mapping[str, int]
    best_id: int | None
    best_score: float | None
    winner_id: int | None
    calls: CallTotals
    active_s: float
    started: float
    ended: float | None
    splits: tuple[SplitFigures, ...] = field(default=())
