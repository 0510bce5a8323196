"""What a run tells those who watch it: the live display, the writer of the run folder.

Every method has a default that does nothing; subclass `Observer` and give the ones you need. They are called from the
loop's own thread between two awaits, after the fact is committed to the archive: be quick, or work in a thread of your
own with a reader of your own. What a method raises is shown as a notice, once, and the run goes on; only `started` may
refuse the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evolve.archive import Fate, ModelCall, Program, RunStatus, Store
from evolve.scoring import Status

if TYPE_CHECKING:
    from evolve.config import RunConfig
    from evolve.registry import Problem


@dataclass(frozen=True)
class Progress:
    """Where a run stands, kills and resumes included.

    Attributes:
        evaluations: children scored so far.  target: the budget of them, or what is done where that is more; None when
            there is no budget of them.
        calls_in_flight: questions to models that wait for their answer.
        evaluations_in_flight: children being evaluated or waiting for a worker.
        model_calls: answered or failed calls so far.
        tokens: prompt and completion tokens so far.
        active_s: seconds of work so far; `session_s`, `session_evaluations`: of this process only.
        best_id, best_score: best train score so far, the seed included.
    """

    evaluations: int
    target: int | None
    best_id: int | None
    best_score: float | None
    calls_in_flight: int
    evaluations_in_flight: int
    model_calls: int
    tokens: int
    cost_usd: float
    active_s: float
    session_s: float
    session_evaluations: int


@dataclass(frozen=True)
class Row:
    """One line of the table at the end: a program's status and score per split; None where it was not evaluated.

    name: "seed", or "start" of another program that the run started from, "best", "earlier best ID" of one that won
        before a resume, or a baseline's name; the seed is one where the run started from another program.
    """

    name: str
    program_id: int
    train: float | None
    validation: float | None
    test: float | None
    train_status: Status | None
    validation_status: Status | None
    test_status: Status | None


@dataclass(frozen=True)
class RunResult:
    """What a call of `loop.run` came to.

    Attributes:
        status: FINISHED, or STOPPED when a signal ended it early: `interrupted` is True, `rows` hold what there is.
        reason: one sentence: "all 200 evaluations are done", "stopped by Ctrl-C", ...
        rows: the seed, the baselines, who won before a resume, the best program, in this order.
        best_id: the winner by validation; before that is known, the best by train; 0 when no child beat the seed.
    """

    folder: Path
    status: RunStatus
    interrupted: bool
    reason: str
    rows: tuple[Row, ...]
    best_id: int
    progress: Progress


class Observer:
    """Watches a run. `store` only reads; it stays open from `started` until `closed` returns."""

    def made(self, folder: Path) -> None:
        """A new run's folder is there, with an archive that is still empty: a kill from now on may leave a run."""

    def started(self, folder: Path, config: RunConfig, problem: Problem, store: Store, resumed: bool) -> None:
        """The archive exists, the workers are up; nothing is evaluated yet (unless resumed)."""

    def notice(self, text: str) -> None:
        """One line that a person should see: a missing isolation layer, a stop that was asked for."""

    def seeded(self, seed: Program, baselines: tuple[Program, ...], progress: Progress) -> None:
        """Seed and baselines are scored on train. Also called after a resume."""

    def call_started(self, step: int, model: str, progress: Progress) -> None:
        """A prompt is committed and about to be sent."""

    def call_finished(self, call: ModelCall, progress: Progress) -> None:
        """An answer, or a failed call, is committed."""

    def dropped(self, step: int, fate: Fate, note: str, progress: Progress) -> None:
        """A step ended without a new program: a duplicate, a parse error, a failed call."""

    def evaluated(self, program: Program, improved: bool, progress: Progress) -> None:
        """A child is scored on train and committed. improved: it is the best so far, strictly."""

    def finishing(self, stage: str, done: int, total: int) -> None:
        """The end of a run: stage "validation" or "test", `done` of `total` evaluations of programs on it."""

    def closed(self, result: RunResult) -> None:
        """The run ended, cleanly or by a signal; everything is committed."""


class Audience:
    """All observers of a run. None of them can end it: what one raises is shown once; the archive is what counts."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)
        self._broken: set[int] = set()

    def made(self, folder: Path) -> None:
        """Tell all of them that a new run's folder is there."""
        self.tell(lambda observer: observer.made(folder))

    def begin(self, happened: Callable[[Observer], None]) -> None:
        """Tell all of them that the run begins. One may refuse it: what it raises ends the run."""
        for observer in self._observers:
            happened(observer)

    def tell(self, happened: Callable[[Observer], None]) -> None:
        """Tell all of them, one after the other, that something happened."""
        for place, observer in enumerate(self._observers):
            try:
                happened(observer)
            except Exception as error:
                if place not in self._broken:
                    self._broken.add(place)
                    self.notice(
                        f"{type(observer).__name__} failed ({type(error).__name__}: {error}). The run goes on: the "
                        "archive holds everything."
                    )

    def notice(self, text: str) -> None:
        """Tell all of them one line that a person should see."""
        self.tell(lambda observer: observer.notice(text))
