"""What anybody may ask a run's archive, while it runs or after. With `store.py` the only code that knows SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Executable, func, select
from sqlalchemy.exc import DatabaseError

from evolve.archive import database
from evolve.archive.lock import RunLock
from evolve.archive.models import (
    SCHEMA_VERSION,
    EvaluationRow,
    InsightRow,
    ModelCallRow,
    ProgramRow,
    RunRow,
    SelectionRow,
    SplitRow,
)
from evolve.archive.prompts import PromptCodec
from evolve.archive.records import (
    CallStatus,
    CallTotals,
    Fate,
    ModelCall,
    Program,
    Role,
    RunStatus,
    Selection,
    SplitFigures,
    StepEnd,
    Summary,
)
from evolve.archive.rows import selection_of, step_end_of
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.scoring import InstanceResult, Status

_PROGRAM = select(*ProgramRow.__table__.columns)
PAGE = 500
"""Sources that are read at once."""
_IN_SEARCH = ProgramRow.role != Role.BASELINE


class Reader:
    """Answers questions about a run. `open` it, and close it or use it as a context manager.

    A program whose evaluation on train is not committed yet has status None.
    """

    def __init__(self, folder: Path, writable: bool = False, lock: RunLock | None = None) -> None:
        self.folder = folder
        self._lock = lock
        self._prompts = PromptCodec(None)
        self._engine = database.open_engine(folder, writable)
        self._connection = self._engine.connect()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a run for reading, while it runs or after. Raises UsageError when the folder holds no run."""
        return cls._existing(folder, writable=False, lock=None)

    @classmethod
    def _existing(cls, folder: Path, writable: bool, lock: RunLock | None) -> Self:
        path = folder / database.NAME
        if not path.is_file():
            what = "is not a run: it has no archive.db" if folder.is_dir() else "does not exist"
            raise UsageError(f"{folder} {what}. `evolve runs` lists the runs.")
        try:
            store = cls(folder, writable, lock)
            row = store._one(select(RunRow.schema_version, RunRow.prompt_dictionary))
        except DatabaseError as error:
            if lock:
                lock.release()
            raise UsageError(f"{path} is not the archive of a run: {error.orig}.") from None
        if row is None or row.schema_version != SCHEMA_VERSION:
            found = "no run" if row is None else f"schema {row.schema_version}"
            store.close()
            raise UsageError(f"{path} holds {found}; this version of evolve reads schema {SCHEMA_VERSION}.")
        store._prompts = PromptCodec(row.prompt_dictionary)
        return store

    def close(self) -> None:
        """Close the file and give the lock back. May be called twice."""
        self._connection.close()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def config(self) -> str:
        """Return the run's configuration as TOML."""
        return str(self._run().config)

    def summary(self) -> Summary:
        """Return the run at a glance. Costs a few milliseconds at any size."""
        run = self._run()
        counted = self._all(select(SelectionRow.fate, func.count()).group_by(SelectionRow.fate))
        fates = {fate: count for fate, count in counted if fate is not None}
        best = self.best_on_train()
        return Summary(
            evaluator=run.evaluator,
            status=self._status(run.status),
            reason=run.reason,
            seed=run.seed,
            evaluations=fates.get(Fate.SCORED, 0),
            steps=sum(count for _, count in counted),
            fates=fates,
            best_id=None if best is None else best.id,
            best_score=None if best is None else best.score,
            winner_id=run.winner_id,
            calls=self.call_totals(),
            active_s=run.active_s,
            started=run.started,
            ended=run.ended,
            splits=tuple(self.split_figures()),
        )

    def _status(self, recorded: str) -> RunStatus:
        status = RunStatus(recorded)
        alive = status is not RunStatus.RUNNING or self._lock is not None or RunLock.is_held(self.folder)
        return status if alive else RunStatus.INTERRUPTED

    def program(self, program_id: int) -> Program | None:
        """Return a program, or None."""
        rows = self._programs(_PROGRAM.where(ProgramRow.id == program_id))
        return rows[0] if rows else None

    def best(self) -> Program | None:
        """Return the winner by validation, or the best by train while there is none; None before the seed is scored."""
        winner = self._run().winner_id
        return self.best_on_train() if winner is None else self.program(winner)

    def best_on_train(self) -> Program | None:
        """Return the best among seed and children by train score, ties by the lower id."""
        rows = self.top(1)
        return rows[0] if rows else None

    def top(self, count: int) -> list[Program]:
        """Return the best `count` of seed and children by train score, best first, ties by the lower id."""
        ranked = _PROGRAM.where(ProgramRow.score.is_not(None), _IN_SEARCH)
        return self._programs(ranked.order_by(ProgramRow.score.desc(), ProgramRow.id).limit(count))

    def programs(self, role: Role | None = None) -> list[Program]:
        """Return all programs, or those of a role, ordered by id."""
        chosen = _PROGRAM if role is None else _PROGRAM.where(ProgramRow.role == role)
        return self._programs(chosen.order_by(ProgramRow.id))

    def children(self, program_id: int) -> list[Program]:
        """Return the programs made from a program, ordered by id."""
        return self._programs(_PROGRAM.where(ProgramRow.parent_id == program_id).order_by(ProgramRow.id))

    def fingerprints(self) -> dict[str, int]:
        """Return fingerprint -> id of every program; of equal ones, the one that came first."""
        found: dict[str, int] = {}
        for row in self._all(_as_they_came(ProgramRow.fingerprint)):
            found.setdefault(row.fingerprint, row.id)
        return found

    def sources(self) -> Iterator[tuple[int, str]]:
        """Yield (id, source) of every program in the order in which they came, a few at a time in memory.

        What is learnt from programs one by one must be learnt in this order again by a resumed run.
        """
        with self._connection.begin():
            for row in self._connection.execute(_as_they_came(ProgramRow.source).execution_options(yield_per=PAGE)):
                yield row.id, row.source

    def step_ends(self, heard: bool) -> list[StepEnd]:
        """Return the steps that ended: those that the search was told of, in that order, or the others, by number.

        Telling it the former again rebuilds its state.
        """
        call = ModelCallRow
        columns = (
            *SelectionRow.__table__.columns,
            *(ProgramRow.kind.label("child_kind"), ProgramRow.status, ProgramRow.score, ProgramRow.failure),
            *(ProgramRow.idea, ProgramRow.nearest_id, ProgramRow.likeness),
            *(call.status.label("call_status"), call.prompt_tokens + call.completion_tokens, call.cost_usd),
            InsightRow.detail,
        )
        chosen = (
            select(*columns)
            .outerjoin(ProgramRow, ProgramRow.id == SelectionRow.step)
            .outerjoin(call, call.step == SelectionRow.step)
            .outerjoin(InsightRow, InsightRow.step == SelectionRow.step)
            .where(SelectionRow.fate.is_not(None))
        )
        if heard:
            chosen = chosen.where(SelectionRow.ended.is_not(None)).order_by(SelectionRow.ended)
        else:
            chosen = chosen.where(SelectionRow.ended.is_(None)).order_by(SelectionRow.step)
        own = len(SelectionRow.__table__.columns)
        return [step_end_of(selection_of(row[:own]), *row[own:]) for row in self._all(chosen)]

    def insights(self) -> list[tuple[Selection, str, str]]:
        """Return what the run has learnt, in the order of steps: the step that wrote it down, line, detail."""
        columns = (*SelectionRow.__table__.columns, InsightRow.line, InsightRow.detail)
        chosen = select(*columns).join(InsightRow, InsightRow.step == SelectionRow.step).order_by(SelectionRow.step)
        return [(selection_of(row[:-2]), row[-2], row[-1]) for row in self._all(chosen)]

    def improvements(self) -> list[Program]:
        """Return the children that were the best so far, strictly, in the order in which the search was told.

        The latest of a deterministic run, of which the search is told with a lag, follow in the order of their steps.
        """
        better, best = [], float("-inf")
        for program in self._scores_in_told_order():
            if program.score is not None and program.score > best:
                best = program.score
                better.append(program.id)
        found = self._programs(_PROGRAM.where(ProgramRow.id.in_([i for i in better if i > 0])))
        return sorted(found, key=lambda program: better.index(program.id))

    def curve(self) -> list[tuple[int, float | None]]:
        """Return (id, train score) of the seed and the scored children, in the order of `improvements`."""
        return [(row.id, row.score) for row in self._scores_in_told_order()]

    def _scores_in_told_order(self) -> Sequence[Any]:
        return self._all(
            select(ProgramRow.id, ProgramRow.score)
            .where(ProgramRow.status.is_not(None), _IN_SEARCH)
            .order_by(ProgramRow.told.is_(None), ProgramRow.told, ProgramRow.id)
        )

    def evaluations(self, program_id: int, split: Split) -> list[InstanceResult]:
        """Return a program's results per instance, in the order of the instances; empty where it was not evaluated."""
        rows = self._all(
            select(*EvaluationRow.__table__.columns)
            .where(EvaluationRow.program_id == program_id, EvaluationRow.split == split)
            .order_by(EvaluationRow.position)
        )
        return [
            InstanceResult(
                instance_id=row.instance_id,
                status=Status(row.status),
                score=row.score,
                metrics=row.metrics,
                feedback=row.feedback,
                failure=row.failure,
                cpu_s=row.cpu_s,
                import_cpu_s=row.import_cpu_s,
                wall_s=row.wall_s,
                peak_rss_bytes=row.peak_rss_bytes,
                output=row.output,
            )
            for row in rows
        ]

    def split_figures(self, program_id: int | None = None) -> list[SplitFigures]:
        """Return what programs scored on validation, test or public, ordered by program and split."""
        chosen = select(*SplitRow.__table__.columns).order_by(SplitRow.program_id, SplitRow.split)
        if program_id is not None:
            chosen = chosen.where(SplitRow.program_id == program_id)
        return [
            SplitFigures(row.program_id, Split(row.split), Status(row.status), row.score, row.metrics)
            for row in self._all(chosen)
        ]

    def selection(self, step: int) -> Selection | None:
        """Return why a step took its parent, or None."""
        rows = self._selections(select(*SelectionRow.__table__.columns).where(SelectionRow.step == step))
        return rows[0] if rows else None

    def selections(self, unfinished: bool = False) -> list[Selection]:
        """Return all selections, or those of steps under way, ordered by step."""
        chosen = select(*SelectionRow.__table__.columns).order_by(SelectionRow.step)
        return self._selections(chosen.where(SelectionRow.fate.is_(None)) if unfinished else chosen)

    def last_step(self) -> int:
        """Return the number of the latest step that was chosen; 0 before the first."""
        row = self._one(select(func.coalesce(func.max(SelectionRow.step), 0)))
        return int(row[0])

    def last_ended(self) -> int:
        """Return the number of the latest end that counts; 1, the seed's, before the first."""
        row = self._one(select(func.coalesce(func.max(SelectionRow.ended), 1)))
        return int(row[0])

    def last_taken(self) -> int:
        """Return the number of the latest step that was compared with those before it; 0 before the first."""
        row = self._one(select(func.coalesce(func.max(SelectionRow.taken), 0)))
        return int(row[0])

    def model_call(self, step: int) -> ModelCall | None:
        """Return the question and answer of a step, or None where no model was asked."""
        row = self._one(select(*ModelCallRow.__table__.columns).where(ModelCallRow.step == step))
        return None if row is None else self._model_call(row)

    def model_calls(self) -> list[ModelCall]:
        """Return all questions and answers, in the order of steps."""
        chosen = select(*ModelCallRow.__table__.columns).order_by(ModelCallRow.step)
        return [self._model_call(row) for row in self._all(chosen)]

    def _model_call(self, row: Any) -> ModelCall:
        system, _, prompt = self._prompts.unpack(row.prompt).partition("\0")
        return ModelCall(
            step=row.step,
            model=row.model,
            kind=row.kind,
            digest=row.digest,
            system=system,
            prompt=prompt,
            status=CallStatus(row.status),
            answer=row.answer or "",
            error=row.error,
            prompt_tokens=row.prompt_tokens,
            cached_tokens=row.cached_tokens,
            completion_tokens=row.completion_tokens,
            reasoning_tokens=row.reasoning_tokens,
            wasted_tokens=row.wasted_tokens,
            tokens_estimated=row.tokens_estimated,
            cost_usd=row.cost_usd,
            latency_s=row.latency_s,
            attempts=row.attempts,
        )

    def call_totals(self) -> CallTotals:
        """Return calls, tokens and cost of the whole run."""
        rows = self._all(
            select(
                ModelCallRow.status,
                func.count(),
                func.sum(ModelCallRow.prompt_tokens),
                func.sum(ModelCallRow.completion_tokens),
                func.total(ModelCallRow.cost_usd),
            ).group_by(ModelCallRow.status)
        )
        counts = {row[0]: row[1] for row in rows}
        return CallTotals(
            calls=sum(counts.values()),
            answered=counts.get(CallStatus.ANSWERED, 0),
            failed=counts.get(CallStatus.FAILED, 0),
            prompt_tokens=sum(row[2] for row in rows),
            completion_tokens=sum(row[3] for row in rows),
            cost_usd=sum(row[4] for row in rows),
        )

    def _run(self) -> Any:
        row = self._one(select(*RunRow.__table__.columns))
        assert row is not None  # `create` writes it in the transaction that makes the tables
        return row

    def _programs(self, chosen: Any) -> list[Program]:
        return [
            Program(**{**row._mapping, "role": Role(row.role), "status": Status(row.status) if row.status else None})
            for row in self._all(chosen)
        ]

    def _selections(self, chosen: Any) -> list[Selection]:
        return [selection_of(row) for row in self._all(chosen)]

    def _all(self, chosen: Executable) -> Sequence[Any]:
        with self._connection.begin():
            return self._connection.execute(chosen).all()

    def _one(self, chosen: Executable) -> Any:
        with self._connection.begin():
            return self._connection.execute(chosen).one_or_none()


def _as_they_came(column: Any) -> Any:
    """Select id and a column of all programs: the seed, the baselines, children in the order of their comparison."""
    return (
        select(ProgramRow.id, column)
        .outerjoin(SelectionRow, SelectionRow.step == ProgramRow.id)
        .order_by(func.coalesce(SelectionRow.taken, 0), ProgramRow.id.desc())
    )
