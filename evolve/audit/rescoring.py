"""Scoring the best program of a run again, in fresh sandboxes, and comparing with what the archive says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evolve.archive import Program, RunStatus, Store
from evolve.audit import flags as flagging
from evolve.audit.comparison import Difference, differences
from evolve.audit.flags import Flag
from evolve.config import RunConfig, from_text
from evolve.evaluator import Split
from evolve.measure import measure
from evolve.registry import Problem
from evolve.scoring import SplitScore

REPEATS = 2
SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


@dataclass(frozen=True)
class Subject:
    """What the archive says of a run's best program; `read` takes it from the archive.

    Attributes:
        status, reason: of the run.
        is_finished: whether the run is done, so that the archive must have the winner on every split.
        recorded: its figures, split by split, as far as the archive has them.
        seed_gap: the seed's score on train minus that on test; None where it is not known, or the seed is the best.
        flags: what is suspicious without scoring anything.
    """

    folder: Path
    config: RunConfig
    status: RunStatus
    reason: str
    is_finished: bool
    program: Program
    recorded: Mapping[Split, SplitScore]
    seed_gap: float | None
    flags: tuple[Flag, ...]

    @classmethod
    def read(cls, store: Store, program: Program) -> Subject:
        """Take everything that an audit needs from the archive. program: the best one."""
        summary = store.summary()
        is_finished = summary.status is RunStatus.FINISHED and summary.winner_id is not None
        return cls(
            folder=store.folder,
            config=from_text(store.config()),
            status=summary.status,
            reason=summary.reason,
            is_finished=is_finished,
            program=program,
            recorded=_recorded(store, program),
            seed_gap=_seed_gap(store, program),
            flags=(
                *flagging.failures_clustered(store),
                *flagging.suspicious_source(program.source),
                *flagging.tampered(store, program, is_finished),
            ),
        )


@dataclass(frozen=True)
class AuditedSplit:
    """A split that was scored again. archived: None where the archive has nothing.  remark: on its rules, or empty."""

    split: Split
    archived: SplitScore | None
    repeats: tuple[SplitScore, ...]
    differences: tuple[Difference, ...]
    remark: str


@dataclass(frozen=True)
class Audit:
    """What an audit found. flags: warnings, which do not make a figure wrong."""

    subject: Subject
    evaluator: str
    timed: tuple[str, ...]
    splits: tuple[AuditedSplit, ...]
    flags: tuple[Flag, ...]

    @property
    def differences(self) -> list[Difference]:
        """Return the figures that do not reproduce, on all splits."""
        return [difference for audited in self.splits for difference in audited.differences]

    @property
    def reproduces(self) -> bool:
        """Whether every figure does."""
        return not self.differences


async def rescore(
    subject: Subject,
    problem: Problem,
    workers: int,
    require_isolation: bool = False,
    announce: Callable[[str, bool], None] = lambda text, lasting: None,
) -> Audit:
    """Score a run's best program again, REPEATS times on each split, and compare with the archive.

    Of a run that is not finished, only the splits that the archive has: the test split is not looked at before the end.
    announce: as of `measure`.  Raises UsageError as `measure` does.
    """
    evaluator, program = problem.evaluator, subject.program
    splits = [s for s in SPLITS if s in subject.recorded or (subject.is_finished and s in evaluator.splits)]
    config = subject.config.model_copy(update={"workers": workers, "require_isolation": require_isolation})
    said: set[str] = set()

    def announce_once(text: str, lasting: bool) -> None:
        if text not in said:
            announce(text, lasting)
        said.add(text)

    audited = []
    for split in splits:
        (measured,) = await measure(
            problem,
            config,
            {f"program {program.id}": program.source},
            split,
            repeats=REPEATS,
            announce=announce_once,
        )
        archived = subject.recorded.get(split)
        found = differences(program.id, split, archived, measured.scores, evaluator.timed_metrics)
        remark = evaluator.remark(split)
        audited.append(AuditedSplit(split, archived, measured.scores, tuple(found), remark))
    scores = {one.split: _mean_score(one.repeats) for one in audited}
    found_flags = [
        *flagging.overfit(scores.get(Split.TRAIN), scores.get(Split.TEST), subject.seed_gap),
        *(flag for one in audited for flag in flagging.time_varies(one.repeats)),
        *subject.flags,
    ]
    return Audit(subject, evaluator.name, tuple(evaluator.timed_metrics), tuple(audited), tuple(found_flags))


def _recorded(store: Store, program: Program) -> dict[Split, SplitScore]:
    found = {}
    if program.status is not None:
        results = tuple(store.evaluations(program.id, Split.TRAIN))
        found[Split.TRAIN] = SplitScore(
            Split.TRAIN, program.status, program.score, dict(program.metrics), results, True
        )
    for figures in store.split_figures(program.id):
        results = tuple(store.evaluations(program.id, figures.split))
        split, metrics = figures.split, dict(figures.metrics)
        found[split] = SplitScore(split, figures.status, figures.score, metrics, results, True)
    return found


def _mean_score(repeats: tuple[SplitScore, ...]) -> float | None:
    scores = [score.score for score in repeats if score.score is not None]
    return math.fsum(scores) / len(scores) if len(scores) == len(repeats) else None


def _seed_gap(store: Store, program: Program) -> float | None:
    seed = store.program(0)
    test = next((f.score for f in store.split_figures(0) if f.split is Split.TEST), None)
    if seed is None or seed.id == program.id or seed.score is None or test is None:
        return None
    return seed.score - test
