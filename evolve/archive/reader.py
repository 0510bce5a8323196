"""What anybody may ask a run's archive, while it runs or after. With `store.py` the only code that knows SQL."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from heapq import merge
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    Executable,
    Integer,
    String,
    Subquery,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.exc import DatabaseError

from evolve.archive.database import Database, archive_of, database_of
from evolve.archive.events import ENDS, Event, EventKind
from evolve.archive.lock import RunLock
from evolve.archive.models import (
    SCHEMA_VERSION,
    CountRow,
    EvaluationRow,
    EventRow,
    InsightRow,
    ModelCallRow,
    ProgramRow,
    RunRow,
    SelectionRow,
    SplitRow,
    from_json,
)
from evolve.archive.records import (
    ROTATING,
    CallStatus,
    CallTotals,
    Improvement,
    ModelCall,
    Part,
    Program,
    Role,
    RunStatus,
    Share,
    SplitFigures,
    Summary,
)
from evolve.archive.rows import (
    PROGRAM,
    RESULT,
    SELECTION,
    TRIAL,
    call_of,
    program_of,
    result_of,
    selection_of,
    trial_of,
    with_trial,
)
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.scoring import InstanceResult, Status
from evolve.trial import Fate, Selection, Trial

PAGE = 500
"""Rows that are read at once where all of them are read."""
_IN_SEARCH = ProgramRow.role != Role.BASELINE
_OF_ROLE = {Role.SEED: ProgramRow.id == 0, Role.BASELINE: ProgramRow.id < 0, Role.CHILD: ProgramRow.id > 0}
_FAILED = (
    ProgramRow.score.is_(None)  # the index of scores leads to them
    & _OF_ROLE[Role.CHILD]
    & ProgramRow.status.in_([status for status in Status if status.is_failure])
)
_STEP = select(bindparam("step", type_=Integer).label("step")).subquery()
_UNKNOWN = 2**40
_KNOWN = select(EventRow.seq.label("place"), EventRow.step).where(EventRow.kind == EventKind.KNOWN).subquery()
_ENDS = union_all(
    select(_KNOWN),
    select(SelectionRow.step + _UNKNOWN, SelectionRow.step).where(
        SelectionRow.state.in_(ENDS), SelectionRow.step.not_in(select(_KNOWN.c.step))
    ),
).subquery()
"""(place, step) of the seed and all steps that have ended: in the order in which the search learnt of them, then the
others by number."""
_ONE_TRIAL = with_trial(select(*TRIAL).select_from(_STEP), _STEP.c.step)


class Reader:
    """Answers questions about a run. `open` it, and close it or use it as a context manager.

    A program whose evaluation on train is not committed yet has status None.
    """

    def __init__(self, database: Database, writable: bool = False, lock: RunLock | None = None) -> None:
        self.folder = database.folder
        self._database = database
        self._lock = lock
        self._dictionary = b""
        self._engine = database.engine(writable)
        self._connection = self._engine.connect()
        if database.is_shared:  # a transaction for each question would take two more journeys to the server
            self._connection.execution_options(isolation_level="AUTOCOMMIT")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a run for reading, while it runs or after. Raises UsageError when the folder holds no run."""
        return cls._existing(archive_of(folder))

    @classmethod
    def holds_run(cls, folder: Path) -> bool:
        """Return whether a run has begun in a folder. An archive without tables is left by a start that was killed."""
        return database_of(folder).holds_run()

    @classmethod
    def _existing(cls, database: Database, writable: bool = False, lock: RunLock | None = None) -> Self:
        """Open an archive that is there, and upgrade it where it is old. lock: of who writes, held already."""
        with ExitStack() as undo:
            try:
                store = cls(database, writable, lock)
                undo.callback(store.close)
                row = store._one(select(RunRow.schema_version, RunRow.prompt_dictionary))
                schema: object = None if row is None else row.schema_version
                if isinstance(schema, int) and 0 < schema < SCHEMA_VERSION:
                    database.upgrade(schema, is_locked=lock is not None)
                elif schema != SCHEMA_VERSION:
                    raise UsageError(_not_ours(database.shown, schema))
            except DatabaseError as error:
                raise UsageError(database.refusal(error)) from None
            undo.pop_all()
        store._dictionary = row.prompt_dictionary or b""
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

    def identity(self) -> dict[str, str]:
        """Return what the problem and the versions were when the run began, or were last changed on purpose."""
        return dict(self._run().identity)

    def counts(self) -> dict[str, float]:
        """Return the counts that are kept: name -> value, named as `count_names` says."""
        return {row.name: row.value for row in self._all(select(CountRow.name, CountRow.value))}

    def summary(self) -> Summary:
        """Return the run at a glance, from counts that are kept: it costs the same at any size."""
        run, counts = self._run(), self.counts()
        # An archive made before there was a fate has no count of it until a step ends so.
        fates = {fate: int(counts[f"steps {fate}"]) for fate in Fate if counts.get(f"steps {fate}")}
        statuses = {status: int(counts[f"programs {status}"]) for status in Status if counts[f"programs {status}"]}
        best = self.best_on_train()
        return Summary(
            evaluator=run.evaluator,
            status=self._status(run.status),
            reason=run.reason,
            seed=run.seed,
            evaluations=fates.get(Fate.SCORED, 0),
            steps=int(counts["steps"]),
            fates=fates,
            statuses=statuses,
            best_id=None if best is None else best.id,
            best_score=None if best is None else best.score,
            winner_id=run.winner_id,
            calls=_call_totals(counts),
            active_s=run.active_s,
            started=run.started,
            ended=run.ended,
            splits=tuple(self.split_figures()),
        )

    def _status(self, recorded: str) -> RunStatus:
        status = RunStatus(recorded)
        if status is not RunStatus.RUNNING or self._lock is not None or self._database.is_worked_on(self._connection):
            return status
        return RunStatus.INTERRUPTED

    def program(self, program_id: int) -> Program | None:
        """Return a program, or None."""
        rows = self._programs(PROGRAM.where(ProgramRow.id == program_id))
        return rows[0] if rows else None

    def best(self) -> Program | None:
        """Return the winner by validation, or the best by train while there is none; None before the seed is scored."""
        winner = self._run().winner_id
        return self.best_on_train() if winner is None else self.program(winner)

    def best_on_train(self, last: int | None = None) -> Program | None:
        """Return the best among seed and children by train score, ties by the lower id. last: of those up to it."""
        rows = self.top(1, last)
        return rows[0] if rows else None

    def top(self, count: int, last: int | None = None) -> list[Program]:
        """Return the best `count` of seed and children by train score, best first, ties by the lower id."""
        ranked = PROGRAM.where(ProgramRow.score.is_not(None), _IN_SEARCH)
        ranked = ranked if last is None else ranked.where(ProgramRow.id <= last)
        return self._programs(ranked.order_by(ProgramRow.score.desc(), ProgramRow.id).limit(count))

    def train_scores(self) -> Iterator[tuple[int, float, tuple[float | None, ...]]]:
        """Yield (id, score, scores per instance) on train of seed and children that have a score, by id."""
        return self._scores(ProgramRow.score.is_not(None), _IN_SEARCH)

    def instance_scores(self) -> Iterator[tuple[int, float | None, tuple[float | None, ...]]]:
        """Yield (id, score or None, scores per instance) on train of all evaluated children, by id."""
        return self._scores(ProgramRow.status.is_not(None), ProgramRow.id > 0)

    def _scores(self, *which: Any) -> Iterator[tuple[int, Any, tuple[float | None, ...]]]:
        chosen = select(ProgramRow.id, ProgramRow.score, type_coerce(ProgramRow.scores, String)).where(*which)
        for id, score, scores in self._stream(chosen.order_by(ProgramRow.id)):
            yield id, score, tuple(from_json(scores))

    def programs(self, role: Role | None = None) -> list[Program]:
        """Return all programs, or those of a role, ordered by id."""
        chosen = PROGRAM if role is None else PROGRAM.where(_OF_ROLE[role])
        return self._programs(chosen.order_by(ProgramRow.id))

    def programs_among(self, ids: Sequence[int]) -> list[Program]:
        """Return those of some programs that there are, ordered by id."""
        pages = [sorted(ids)[first : first + PAGE] for first in range(0, len(ids), PAGE)]
        return [one for page in pages for one in self._programs(PROGRAM.where(ProgramRow.id.in_(page)))]

    def failed(self) -> dict[Status, int]:
        """Return the latest child that failed in each way."""
        latest = select(ProgramRow.status, func.max(ProgramRow.id)).where(_FAILED)
        return {Status(status): id for status, id in self._all(latest.group_by(ProgramRow.status))}

    def born(self) -> Iterator[tuple[int, str, bytes | None]]:
        """Yield (id, fingerprint, signature or None) of every program in the order in which they came.

        What is learnt from programs one by one must be learnt in this order again by a resumed run.
        """
        came = select(ProgramRow.id, ProgramRow.fingerprint, ProgramRow.signature)
        came = came.join(EventRow, EventRow.step == ProgramRow.id).where(EventRow.kind == EventKind.BORN)
        yield from self._stream(came.order_by(EventRow.seq))

    def mark(self, program_id: int) -> tuple[str, bytes | None]:
        """Return a program's fingerprint and signature, None where it has none."""
        chosen = select(ProgramRow.fingerprint, ProgramRow.signature).where(ProgramRow.id == program_id)
        fingerprint, signature = self._one(chosen)
        return fingerprint, signature

    def ends(self) -> Iterator[tuple[int, str, bool, float]]:
        """Yield (step, who was asked, whether a program was scored, US dollars) of steps in the order of `trials`."""
        asked = select(SelectionRow.step, SelectionRow.mutator, SelectionRow.fate, ModelCallRow.cost_usd)
        asked = asked.outerjoin(ModelCallRow, ModelCallRow.step == SelectionRow.step)
        known = asked.join(EventRow, EventRow.step == SelectionRow.step).where(EventRow.kind == EventKind.KNOWN)
        others = self.unknown()
        pages = [others[first : first + PAGE] for first in range(0, len(others), PAGE)]
        rest = [asked.where(SelectionRow.step.in_(page)).order_by(SelectionRow.step) for page in pages]
        for chosen in (known.order_by(EventRow.seq), *rest):
            for step, mutator, fate, cost_usd in self._stream(chosen):
                yield step, mutator, fate == Fate.SCORED, cost_usd or 0.0

    # -- the sequence --------------------------------------------------------------------------------------------

    def events(self, *kinds: EventKind, after: int = 0) -> list[Event]:
        """Return the events of the given kinds, or of all, in their order. after: only what came after this one."""
        chosen = select(EventRow.seq, EventRow.time, EventRow.step, EventRow.kind).where(EventRow.seq > after)
        chosen = chosen.where(EventRow.kind.in_(kinds)) if kinds else chosen
        rows = self._all(chosen.order_by(EventRow.seq))
        return [Event(seq, time, step, EventKind(kind)) for seq, time, step, kind in rows]

    def moments(self) -> Iterator[tuple[float, int, str]]:
        """Yield (time, step, kind) of births, stops, and what came first after each stop, in the order of events."""
        chosen = select(EventRow.time, EventRow.step, EventRow.kind).order_by(EventRow.seq)
        told = EventRow.kind.in_((EventKind.BORN, EventKind.STOPPED))
        stops = [0, *(stop.seq for stop in self.events(EventKind.STOPPED))]
        for stop, end in itertools.zip_longest(stops, stops[1:], fillvalue=2**62):
            session = chosen.where(EventRow.seq > stop, EventRow.seq <= end)
            yield from self._stream(session.where(EventRow.seq == stop + 1, ~told))
            yield from self._stream(session.where(told))

    def history(self, until: int | None = None) -> Iterator[Selection | Trial]:
        """Yield what the search learnt, in that order: a selection when it was made, a trial when it became known.

        until: an event; what it learnt up to it.
        The search's state is a fold over these, the seed's trial first.
        """
        upto = () if until is None else (EventRow.seq <= until,)
        chosen = select(EventRow.seq, *SELECTION).join(SelectionRow, SelectionRow.step == EventRow.step)
        choices = self._stream(chosen.where(EventRow.kind == EventKind.CHOSEN, *upto).order_by(EventRow.seq))
        known = with_trial(select(EventRow.seq, EventRow.step, *TRIAL).select_from(EventRow), EventRow.step)
        ends = self._stream(known.where(EventRow.kind == EventKind.KNOWN, *upto).order_by(EventRow.seq))
        selections: Iterator[tuple[int, Selection | Trial]] = ((row[0], selection_of(row[1:])) for row in choices)
        trials = ((row[0], trial_of(row[1], row)) for row in ends)
        for _, one in merge(selections, trials):
            yield one

    def trial(self, step: int) -> Trial:
        """Return how a step ended. step: 0 for the seed."""
        return trial_of(step, self._one(_ONE_TRIAL, {"step": step}))

    def trials(self) -> list[Trial]:
        """Return how steps ended: those that the search knows of in that order, then the others by number."""
        known = [trial for trial in self.history() if isinstance(trial, Trial) and trial.id > 0]
        return known + [self.trial(step) for step in self.unknown()]

    def insights(self) -> list[tuple[Selection, str, str]]:
        """Return what the run has learnt, in the order of steps: the step that wrote it down, line, detail."""
        columns = (*SELECTION, InsightRow.line, InsightRow.detail)
        chosen = select(*columns).join(InsightRow, InsightRow.step == SelectionRow.step).order_by(SelectionRow.step)
        return [(selection_of(row[:-2]), row[-2], row[-1]) for row in self._all(chosen)]

    def curve(self) -> list[tuple[int, float | None]]:
        """Return (id, train score) of the seed and the scored children as the search learnt of them.

        The latest of a deterministic run, of which the search learns with a lag, follow in the order of their steps.
        """
        scored = select(_ENDS.c.step, ProgramRow.score).join(ProgramRow, ProgramRow.id == _ENDS.c.step)
        rows = self._all(scored.where(ProgramRow.status.is_not(None)).order_by(_ENDS.c.place))
        return [(id, score) for id, score in rows]

    def improvements(self) -> list[Improvement]:
        """Return the programs that were the best so far, strictly, in the order of `curve`: the seed is the first.

        The events up to the best program are gone through; of the others it costs nothing.
        """
        best, found, last = self.best_on_train(), list[Improvement](), {"place": -1, "score": -math.inf}
        while best is not None and best.score is not None and last["score"] < best.score:
            row = self._one(_better(_KNOWN), last) or self._one(_better(_ENDS), last)
            if row is None:
                break  # the best came after the question
            between = _between(_KNOWN if row.place < _UNKNOWN else _ENDS)
            scored, cost_usd = self._one(between, {"after": last["place"], "upto": row.place})
            before, total_usd = (found[-1].evaluation, found[-1].total_usd) if found else (0, 0.0)
            gain = row.score - last["score"] if found else 0.0
            trial = self.trial(row.step)
            found.append(Improvement(before + scored, trial, row.score, gain, cost_usd, total_usd + cost_usd))
            last = {"place": row.place, "score": row.score}
        return found

    def shares(self) -> list[Share]:
        """Return the steps that have ended, counted by who made them, what was asked for and how they ended."""
        # No parameters: PostgreSQL would not know that what is selected is what is grouped by.
        kind = func.nullif(SelectionRow.kind, literal_column("''", String))
        asked = func.coalesce(kind, ProgramRow.kind, literal_column("'none'", String))
        answered = ModelCallRow.status == CallStatus.ANSWERED
        tokens = ModelCallRow.prompt_tokens + ModelCallRow.completion_tokens
        counted = select(
            *(SelectionRow.mutator, asked, SelectionRow.fate, func.count()),
            *(func.count(ModelCallRow.step), func.count(case((answered, 1))), func.count(ProgramRow.score)),
            cast(func.coalesce(func.sum(tokens), 0), ModelCallRow.prompt_tokens.type),
            func.coalesce(func.sum(ModelCallRow.cost_usd), 0.0),
            func.count(case((answered & ModelCallRow.cost_usd.is_(None), 1))),
        )
        ended = counted.select_from(SelectionRow).where(SelectionRow.fate.is_not(None))
        joined = ended.outerjoin(ProgramRow, ProgramRow.id == SelectionRow.step)
        joined = joined.outerjoin(ModelCallRow, ModelCallRow.step == SelectionRow.step)
        by = (SelectionRow.mutator, asked, SelectionRow.fate)
        groups = self._all(joined.group_by(*by).order_by(*by))
        return [Share(mutator, kind, Fate(fate), *figures) for mutator, kind, fate, *figures in groups]

    def failures(self) -> list[tuple[str, str, int]]:
        """Return (status or fate, failure or note, how many) of children that failed and steps that gave none."""
        failed = select(ProgramRow.status, ProgramRow.failure, func.count()).where(_FAILED)
        dropped = select(SelectionRow.fate, SelectionRow.note, func.count()).where(
            SelectionRow.fate.in_([fate for fate in Fate if fate not in (Fate.SCORED, Fate.INSIGHT)])
        )
        rows = [
            *self._all(failed.group_by(*(by := (ProgramRow.status, ProgramRow.failure))).order_by(*by)),
            *self._all(dropped.group_by(*(by := (SelectionRow.fate, SelectionRow.note))).order_by(*by)),
        ]
        return [(what, text, count) for what, text, count in rows]

    def evaluations(self, program_id: int, split: Split) -> list[InstanceResult]:
        """Return a program's results per instance, in the order of the instances; empty where it was not evaluated."""
        return list(self.measured(program_id, split).values())

    def measured(self, program_id: int, split: Part) -> dict[int, InstanceResult]:
        """Return a program's results so far: index of the instance -> result, in the order of the instances."""
        chosen = select(EvaluationRow.position, *RESULT).order_by(EvaluationRow.position)
        rows = self._all(chosen.where(EvaluationRow.program_id == program_id, EvaluationRow.split == split))
        return {row.position: result_of(row) for row in rows}

    def rotating(self, first: int, count: int) -> dict[int, dict[int, InstanceResult]]:
        """Return results on instances that were drawn anew, at `count` positions from `first`: program -> index."""
        chosen = select(EvaluationRow.program_id, EvaluationRow.position, *RESULT).order_by(EvaluationRow.program_id)
        among = EvaluationRow.position.between(first, first + count - 1)
        found: dict[int, dict[int, InstanceResult]] = {}
        for row in self._all(chosen.where(EvaluationRow.split == ROTATING, among)):
            found.setdefault(row.program_id, {})[row.position - first] = result_of(row)
        return found

    def last_rotating(self) -> int:
        """Return the highest position of a result on an instance that was drawn anew; -1 where there is none."""
        highest = func.coalesce(func.max(EvaluationRow.position), -1)
        return int(self._one(select(highest).where(EvaluationRow.split == ROTATING))[0])

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
        rows = self._all(select(*SELECTION).where(SelectionRow.step == step))
        return selection_of(rows[0]) if rows else None

    def selections(self, unfinished: bool = False) -> list[Selection]:
        """Return all selections, or those of steps under way, ordered by step."""
        chosen = select(*SELECTION).order_by(SelectionRow.step)
        return [
            selection_of(row) for row in self._all(chosen.where(SelectionRow.fate.is_(None)) if unfinished else chosen)
        ]

    def unknown(self) -> list[int]:
        """Return the steps that have ended and of which the search does not know, by number."""
        return [row.step for row in self._all(select(_ENDS.c.step).where(_ENDS.c.place >= _UNKNOWN).order_by("step"))]

    def last_complete_step(self) -> int:
        """Return the last step up to which every step has ended."""
        going = self._one(select(func.min(SelectionRow.step)).where(SelectionRow.fate.is_(None)))[0]
        return self.last_step() if going is None else int(going) - 1

    def last_step(self) -> int:
        """Return the number of the latest step that was chosen; 0 before the first."""
        row = self._one(select(func.coalesce(func.max(SelectionRow.step), 0)))
        return int(row[0])

    def model_call(self, step: int) -> ModelCall | None:
        """Return the question and answer of a step, or None where no model was asked."""
        row = self._one(select(*ModelCallRow.__table__.columns).where(ModelCallRow.step == step))
        return None if row is None else self._call(row)

    def model_calls(self) -> list[ModelCall]:
        """Return all questions and answers, in the order of steps."""
        chosen = select(*ModelCallRow.__table__.columns).order_by(ModelCallRow.step)
        return [self._call(row) for row in self._all(chosen)]

    def _call(self, row: Any) -> ModelCall:
        if not self._dictionary:  # it is made of the first prompt, which may have come since this was opened
            self._dictionary = self._run().prompt_dictionary or b""
        return call_of(row, self._dictionary)

    def _run(self) -> Any:
        row = self._one(select(*RunRow.__table__.columns))
        assert row is not None  # `create` writes it in the transaction that makes the tables
        return row

    def _programs(self, chosen: Any) -> list[Program]:
        return [program_of(row) for row in self._all(chosen)]

    def _all(self, chosen: Executable) -> Sequence[Any]:
        with self._connection.begin():
            return self._connection.execute(chosen).all()

    def _one(self, chosen: Executable, given: Mapping[str, Any] | None = None) -> Any:
        with self._connection.begin():
            return self._connection.execute(chosen, given).one_or_none()

    def _stream(self, chosen: Any) -> Iterator[Any]:
        """Yield rows, a page at a time in memory, on a connection of their own: others may be read meanwhile."""
        with self._engine.connect() as connection:
            for page in connection.execute(chosen.execution_options(yield_per=PAGE)).partitions():
                yield from page


def _not_ours(shown: str, schema: object) -> str:
    """Return what a person is told of an archive that this version cannot read. schema: its own; None: no run."""
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        return (
            f"{shown} has schema {schema}, of a newer evolve; this one reads schema {SCHEMA_VERSION}. "
            "Install the newer one: pip install -U evolve"
        )
    what = "no run" if schema is None else f"schema {schema!r:.20}"
    return f"{shown} holds {what}; this version of evolve reads schema {SCHEMA_VERSION}."


@cache
def _better(ends: Subquery) -> Any:
    """Return the query for the first program after a place that scores more. ends: (place, step)."""
    better = select(ends.c.place, ends.c.step, ProgramRow.score).join(ProgramRow, ProgramRow.id == ends.c.step)
    better = better.where(ends.c.place > bindparam("place"), ProgramRow.score > bindparam("score"))
    return better.order_by(ends.c.place).limit(1)


@cache
def _between(ends: Subquery) -> Any:
    """Return the query for the children scored and the US dollars spent after a place and up to another."""
    scored = func.count(case((SelectionRow.fate == Fate.SCORED, 1)))
    counted = select(scored, func.coalesce(func.sum(ModelCallRow.cost_usd), 0.0)).select_from(ends)
    joined = counted.join(SelectionRow, SelectionRow.step == ends.c.step)
    joined = joined.outerjoin(ModelCallRow, ModelCallRow.step == ends.c.step)
    return joined.where(ends.c.place > bindparam("after"), ends.c.place <= bindparam("upto"))


def _call_totals(counts: Mapping[str, float]) -> CallTotals:
    return CallTotals(
        calls=int(counts["calls"]),
        answered=int(counts[f"calls {CallStatus.ANSWERED}"]),
        failed=int(counts[f"calls {CallStatus.FAILED}"]),
        prompt_tokens=int(counts["prompt_tokens"]),
        completion_tokens=int(counts["completion_tokens"]),
        cost_usd=counts["cost_usd"],
        cut_off=int(counts.get("cut_off", 0)),
        cut_off_tokens=int(counts.get("cut_off_tokens", 0)),
        cut_off_usd=counts.get("cut_off_usd", 0.0),
    )
