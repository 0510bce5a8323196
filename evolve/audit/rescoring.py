"""Scoring the best program of a run again, in fresh sandboxes, and comparing with what the archive says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve.archive import Program, Role, RunStatus, Store
from evolve.audit import flags as flagging
from evolve.audit.comparison import Difference, differences
from evolve.audit.flags import Flag
from evolve.config import RunConfig, from_text
from evolve.evaluator import Split
from evolve.foreign import remark_of
from evolve.measure import measure, opened
from evolve.mutate.language import recorded_language
from evolve.registry import Problem
from evolve.scoring import SplitScore
from evolve.workers import Pool

REPEATS = 2
SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


@dataclass(frozen=True)
class Subject:
    """What the archive says of a run's best program; `read` takes it from the archive.

    Attributes:
        status, reason: of the run.
        is_finished: whether the run is done, so that the archive must have the winner on every split.
        recorded: its figures, split by split, as far as the archive has them.
        others: the seed and the baselines, each with its figures: what the best program is compared with.
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
    others: tuple[tuple[Program, Mapping[Split, SplitScore]], ...]
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
            others=tuple(
                (other, _recorded(store, other))
                for other in (*store.programs(Role.SEED), *reversed(store.programs(Role.BASELINE)))
                if other.id != program.id
            ),
            seed_gap=_seed_gap(store, program),
            flags=(
                *flagging.failures_clustered(store),
                *flagging.suspicious_source(program.source, recorded_language(store.identity())),
                *flagging.tampered(store, program, is_finished),
            ),
        )


@dataclass(frozen=True)
class AuditedSplit:
    """A split that was scored again. archived: None where the archive has nothing.  remark: on its rules, or empty."""

    program: Program
    split: Split
    archived: SplitScore | None
    repeats: tuple[SplitScore, ...]
    differences: tuple[Difference, ...]
    remark: str


@dataclass(frozen=True)
class Audit:
    """What an audit found. splits: of the best program.  flags: warnings, which do not make a figure wrong."""

    subject: Subject
    evaluator: str
    timed: tuple[str, ...]
    splits: tuple[AuditedSplit, ...]
    others: tuple[AuditedSplit, ...]
    flags: tuple[Flag, ...]

    @property
    def differences(self) -> list[Difference]:
        """Return the figures that do not reproduce, those of the best program first."""
        return [difference for audited in (*self.splits, *self.others) for difference in audited.differences]

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
    """Score a run's best program again, REPEATS times on each split, the seed and the baselines once, and compare.

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

    async def again(
        pool: Pool, subjects: Sequence[tuple[Program, Mapping[Split, SplitScore]]], split: Split, repeats: int
    ) -> list[AuditedSplit]:
        sources = {one.name or f"program {one.id}": one.source for one, _ in subjects}
        measured = await measure(problem, config, sources, split, repeats=repeats, announce=announce_once, pool=pool)
        found = []
        for (one, recorded), now in zip(subjects, measured, strict=True):
            archived = recorded.get(split)
            wrong = differences(one.id, split, archived, now.scores, evaluator.timed_metrics)
            found.append(AuditedSplit(one, split, archived, now.scores, tuple(wrong), remark_of(evaluator, split)))
        return found

    audited, others = [], []
    async with opened(problem, config, announce=announce_once) as pool:
        for split in splits:
            audited += await again(pool, [(program, subject.recorded)], split, REPEATS)
            known = [other for other in subject.others if split in other[1]]
            if known:  # measured time is given a second chance
                others += await again(pool, known, split, REPEATS if evaluator.timed_metrics else 1)
    scores = {one.split: _mean_score(one.repeats) for one in audited}
    found_flags = [
        *flagging.overfit(scores.get(Split.TRAIN), scores.get(Split.TEST), subject.seed_gap),
        *(flag for one in audited for flag in flagging.time_varies(one.repeats)),
        *(flag for one in audited for flag in flagging.waits(one.repeats, _seed_on(one.split, others))),
        *subject.flags,
    ]
    timed = tuple(evaluator.timed_metrics)
    return Audit(subject, evaluator.name, timed, tuple(audited), tuple(others), tuple(found_flags))


def _seed_on(split: Split, others: Sequence[AuditedSplit]) -> SplitScore | None:
    """Return the seed's first score on a split; None where it was not scored again."""
    return next((one.repeats[0] for one in others if one.split is split and one.program.role is Role.SEED), None)


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
