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
    """What became of a step. Only SCORED counts as an evaluation."""

    SCORED = "scored"
    DUPLICATE = "duplicate"
    PARSE_ERROR = "parse_error"
    CALL_ERROR = "call_error"


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
        status: None until the evaluation on train is committed.
        score: None unless status is ok.
        told: 1, 2, ... in the order in which the search was told; None for baselines and what it was not told yet.
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
class Told:
    """What the search was told of a program."""

    id: int
    parent_id: int | None
    island: int
    score: float | None
    is_outrun: bool = False


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
    completion_tokens: int = 0
    cost_usd: float | None = None
    latency_s: float = 0.0
    attempts: int = 0


@dataclass(frozen=True)
class Selection:
    """Why a step took its parent.

    Attributes:
        told: how many results the search had been told by then.
        mutator: "builtin" or a model's name.
        fate: None while the step is under way.
        note: why there is no new program: the parse error, the id of the program it repeats.
        bar_id: the program that the child races against; None: the child is evaluated on every instance.
    """

    step: int
    parent_id: int
    inspirations: tuple[int, ...]
    island: int
    told: int
    reason: str
    mutator: str
    fate: Fate | None = None
    note: str = ""
    bar_id: int | None = None


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
