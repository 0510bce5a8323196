"""The store: writes the events of a run, each with its facts in one short transaction.

The hot path uses Core statements, made once: an ORM session costs more per step than SQLite itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, select, text, update
from sqlalchemy.exc import DatabaseError

from evolve.archive.committing import Committing, Stage
from evolve.archive.database import Database, archive_of, database_of, point_to
from evolve.archive.events import MOVES, EventKind
from evolve.archive.lock import RunLock
from evolve.archive.models import (
    SCHEMA_VERSION,
    EvaluationRow,
    EventRow,
    InsightRow,
    ModelCallRow,
    ProgramRow,
    RunRow,
    SelectionRow,
    SplitRow,
)
from evolve.archive.packing import pack
from evolve.archive.records import CUT_OFF, ModelCall, Part, Program, RunStatus, count_names
from evolve.archive_url import ArchiveUrl
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.scoring import InstanceResult, SplitScore
from evolve.trial import Fate, Selection, State

_WINDOW = 32_000
"""Bytes of a preset dictionary that deflate can reach back to."""
_INSERT_SELECTION = insert(SelectionRow)
_INSERT_CALL = insert(ModelCallRow)
_INSERT_PROGRAM = insert(ProgramRow)
_INSERT_EVALUATION = insert(EvaluationRow)
_END_CALL = update(ModelCallRow).where(ModelCallRow.step == bindparam("b_step"))
_SCORE = update(ProgramRow).where(ProgramRow.id == bindparam("b_id"))
_COUNT = text(
    "INSERT INTO counts (name, value) VALUES (:name, :more) "  # an old archive has not every count yet
    "ON CONFLICT (name) DO UPDATE SET value = counts.value + excluded.value"
)
_MOVE = {
    state: update(SelectionRow).where(
        SelectionRow.step == bindparam("b_step"), SelectionRow.state.in_([old for old in MOVES if state in MOVES[old]])
    )
    for state in State
}


class Store(Committing):
    """A run's archive. `create` and `resume` hold the run's lock until `close`; `open` gives one that is only read."""

    @classmethod
    def create(
        cls,
        folder: Path,
        evaluator: str,
        config: str,
        seed: int,
        identity: Mapping[str, str] | None = None,
        archive: str = "",
        made: Callable[[Path], None] = lambda folder: None,
    ) -> Store:
        """Start a new run in a folder, which is made where it is missing.

        config: the whole configuration as TOML.  identity: what the problem and the versions are.
        archive: URL of a PostgreSQL database that is to hold it; "": an SQLite file in the folder.
        made: called when the folder is there with an archive, before that holds a run.
        Raises UsageError when the folder holds a run or cannot be written.
        """
        url = ArchiveUrl.parse(archive).named(folder.resolve().name) if archive else None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if cls.holds_run(folder):
                raise UsageError(f"{folder} already holds a run. To continue it: evolve resume {folder}")
            with _locked(folder) as lock:
                if url is not None:
                    point_to(folder, url)
                store = cls(database_of(folder), True, lock)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}. Give another folder with --run.") from None
        except DatabaseError as error:
            raise UsageError(f"{database_of(folder).shown} cannot be made: {error.orig}.") from None
        row = {
            "id": 1,
            "schema_version": SCHEMA_VERSION,
            "evaluator": evaluator,
            "config": config,
            "identity": dict(identity or {}),
            "status": RunStatus.RUNNING,
            "seed": seed,
            "pid": os.getpid(),
            "started": time.time(),
        }
        with store._entering() as connection:
            made(folder)
            store._database.make(connection)
            store._count(connection, dict.fromkeys(count_names(), 0))
            connection.execute(insert(RunRow), row)
        return store

    @classmethod
    def resume(cls, folder: Path, config: str | None = None) -> Store:
        """Take a run over, with a new configuration where one is given.

        Raises UsageError when the folder holds no run, cannot be written, or another process works on it.
        """
        place = archive_of(folder)
        try:
            with _locked(folder) as lock:
                store = cls._existing(place, writable=True, lock=lock)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}; a run is resumed where it lies.") from None
        facts = {"status": RunStatus.RUNNING, "reason": "", "pid": os.getpid(), "ended": None}
        with store._entering() as connection:
            connection.execute(update(RunRow).values(**facts, **({} if config is None else {"config": config})))
        store._seq = store._one(select(func.coalesce(func.max(EventRow.seq), 0)))[0]
        return store

    @classmethod
    def join(cls, folder: Path) -> Store:
        """Work on a run in PostgreSQL along with those who may be at work on it already.

        Raises UsageError where the archive is a file, or the folder holds no run.
        """
        place = cls.require_shared(folder)
        store = cls._existing(place, writable=True)
        with store._entering(together=True) as connection:
            connection.execute(update(RunRow).values(status=RunStatus.RUNNING, reason="", ended=None))
        return store

    @staticmethod
    def require_shared(folder: Path) -> Database:
        """Return where the archive of a run is. Raises UsageError where only one process can work on it."""
        place = archive_of(folder)
        if not place.is_shared:
            raise UsageError(
                f"{place.shown} is a file, on which one process works: a run that others can join has its archive in "
                "PostgreSQL (evolve run EVALUATOR --archive postgresql+psycopg://USER@HOST/DATABASE)."
            )
        return place

    # -- the moves of a step -------------------------------------------------------------------------------------

    def choose(self, selection: Selection, call: ModelCall | None = None, known: Sequence[int] = ()) -> Selection:
        """Commit what a step is to do, and the prompt that is about to be sent; return it with what it knew of.

        selection: a choice that is repeated says itself what it knew of.
        known: the steps whose ends this choice is the first to know of, in the order in which they became known.
        """
        state = State.CHOSEN if call is None else State.ASKED
        with self._commit() as connection:
            self._happen(connection, EventKind.KNOWN, *known)
            selection = selection._replace(known=selection.known or self._seq)
            row = {**selection._asdict(), "inspirations": list(selection.inspirations)}
            del row["show"]
            self._happen(connection, EventKind.CHOSEN, selection.step)
            connection.execute(_INSERT_SELECTION, {**row, "state": state})
            if self._driver is not None:
                self._driver.claim(connection, selection.step)
            counts: dict[str, float] = {"steps": 1}
            if call is not None:
                sent = f"{call.system}\0{call.prompt}"
                if not self._dictionary:  # most of a prompt is the same in the whole run
                    self._dictionary = sent.encode("utf-8", "surrogatepass")[-_WINDOW:]
                    connection.execute(update(RunRow).values(prompt_dictionary=self._dictionary))
                self._happen(connection, EventKind.ASKED, call.step)
                row = {"step": call.step, "model": call.model, "kind": call.kind, "digest": call.digest}
                packed = {"prompt": pack(sent, self._dictionary), "status": call.status, "cost_usd": call.cost_usd}
                connection.execute(_INSERT_CALL, row | packed)
                counts["calls"] = 1
            self._count(connection, counts)
        return selection

    def answer(self, *calls: ModelCall) -> None:
        """Commit a model's answers, which came together, before anybody reads them."""
        with self._commit() as connection:
            for call in calls:
                self._move(connection, call.step, State.ANSWERED)
                self._happen(connection, EventKind.ANSWERED, call.step)
                self._end_call(connection, call)

    def cut_off(self, requests: int, tokens: int, cost_usd: float) -> None:
        """Commit what requests cost at most that were on their way when the run was killed or stopped at once."""
        with self._commit() as connection:
            self._count(connection, dict(zip(CUT_OFF, (requests, tokens, cost_usd), strict=True)))

    def fail(self, call: ModelCall, fate: Fate, note: str, detail: str = "", known: bool = False) -> None:
        """Commit that a step ends without an answer. fate: CALL_ERROR, or INSIGHT where a rule wrote one down."""
        with self._commit() as connection:
            self._end(connection, State.FAILED, call.step, fate, note, detail, known)
            self._end_call(connection, call)

    def bear(self, program: Program, signature: bytes | None = None) -> None:
        """Commit a program before it is evaluated. signature: of its likeness, where it was made."""
        with self._commit() as connection:
            if program.id > 0:
                self._move(connection, program.id, State.BORN)
            self._happen(connection, EventKind.BORN, program.id)
            row = {**vars(program), "metrics": dict(program.metrics), "scores": list(program.scores)}
            connection.execute(_INSERT_PROGRAM, {**row, "signature": signature})

    def measure(self, program_id: int, split: Part, results: Mapping[int, InstanceResult]) -> None:
        """Commit what a program came to on instances of a split, before it is done with all: index -> result."""
        with self._commit() as connection:
            self._require_own(connection, program_id, split)
            self._add_results(connection, program_id, split, results)

    def score(self, program: Program, results: Mapping[int, InstanceResult], known: bool = False) -> None:
        """Commit a program's figures on train.

        results: on the instances that are not committed yet.  known: the search knows of the end from here on.
        """
        assert program.status is not None
        facts = {
            "b_id": program.id,
            "status": program.status,
            "score": program.score,
            "scores": list(program.scores),
            "metrics": dict(program.metrics),
            "cpu_s": program.cpu_s,
            "failure": program.failure,
        }
        with self._commit() as connection:
            if program.id > 0:
                self._move(connection, program.id, State.SCORED, fate=Fate.SCORED)
                self._count(connection, {f"programs {program.status}": 1, f"steps {Fate.SCORED}": 1})
            else:
                self._require_own(connection, program.id, Split.TRAIN)
            self._add_results(connection, program.id, Split.TRAIN, results)
            connection.execute(_SCORE, facts)
            self._happen(connection, EventKind.SCORED, program.id)
            self._happen(connection, EventKind.KNOWN, *[program.id] * known)

    def drop(self, step: int, fate: Fate, note: str, detail: str = "", known: bool = False) -> None:
        """Commit that a step ends without a new program. detail: of an insight, whose line is the note."""
        with self._commit() as connection:
            self._end(connection, State.DROPPED, step, fate, note, detail, known)

    def know(self, steps: Sequence[int]) -> None:
        """Commit that the search knows of the ends of steps, in this order."""
        if steps:
            with self._commit() as connection:
                self._happen(connection, EventKind.KNOWN, *steps)

    # -- the run -------------------------------------------------------------------------------------------------

    def score_split(self, program_id: int, score: SplitScore, results: Mapping[int, InstanceResult]) -> None:
        """Commit a program's figures on validation, test or public. results: as of `score`."""
        row = {"split": score.split, "status": score.status, "score": score.score, "metrics": score.metrics}
        with self._commit() as connection:
            self._require_own(connection, program_id, score.split)
            self._add_results(connection, program_id, score.split, results)
            self._happen(connection, EventKind.SCORED, program_id)
            connection.execute(insert(SplitRow), {"program_id": program_id, **row})

    def set_winner(self, program_id: int | None) -> None:
        """Commit which program validation picked; None: the search goes on."""
        self._write_run(winner_id=program_id)

    def set_active(self, active_s: float) -> None:
        """Commit how long the run has been worked on, all resumes together; by several drivers, it is the longest."""
        self._write_run(active_s=_longest(active_s))

    def change(self, identity: Mapping[str, str]) -> None:
        """Commit that from here on the problem or a version is another one, on purpose."""
        with self._commit() as connection:
            self._happen(connection, EventKind.CHANGED, 0)
            connection.execute(update(RunRow).values(identity=dict(identity)))

    def end(self, status: RunStatus, reason: str, active_s: float) -> None:
        """Commit how the run, or this session of it, ended. While others are at work on it, it goes on."""
        with self._commit() as connection:
            self._happen(connection, EventKind.STOPPED, 0)
            facts = {"status": status, "reason": reason, "active_s": _longest(active_s), "ended": time.time()}
            if status is RunStatus.FINISHED or self._driver is None or self._driver.is_last(connection):
                connection.execute(update(RunRow).where(RunRow.status == RunStatus.RUNNING).values(**facts))

    def _write_run(self, **facts: Any) -> None:
        with self._commit() as connection:
            connection.execute(update(RunRow).values(**facts))

    # -- parts of a transaction ----------------------------------------------------------------------------------

    def _move(self, connection: Connection, step: int, state: State, **facts: Any) -> None:
        """Put a step into a state. Raises RuntimeError when that does not follow the state it is in."""
        if self._driver is not None:
            self._driver.require_own(connection, step)
        moved = connection.execute(_MOVE[state], {"b_step": step, "state": state, **facts})
        if moved.rowcount != 1:
            row = connection.execute(select(SelectionRow.state).where(SelectionRow.step == step)).one_or_none()
            raise RuntimeError(f"step {step}: {row.state if row else 'not chosen'} -> {state} is no legal move")

    def _end(
        self, connection: Connection, state: State, step: int, fate: Fate, note: str, detail: str, known: bool
    ) -> None:
        """Put a step into the end FAILED or DROPPED."""
        self._move(connection, step, state, fate=fate, note=note)
        self._happen(connection, EventKind(state), step)
        if fate is Fate.INSIGHT:
            connection.execute(insert(InsightRow), {"step": step, "line": note, "detail": detail})
        self._count(connection, {f"steps {fate}": 1})
        self._happen(connection, EventKind.KNOWN, *[step] * known)

    def _require_own(self, connection: Connection, program_id: int, split: Part) -> None:
        """Refuse results from who has lost its lease, and whose program another driver evaluates anew."""
        if self._driver is not None:
            stage = Stage.START if program_id <= 0 else program_id
            self._driver.require_own(connection, stage if split == Split.TRAIN else Stage.END, or_nobodys=True)

    def _add_results(
        self, connection: Connection, program_id: int, split: Part, results: Mapping[int, InstanceResult]
    ) -> None:
        rows = [
            {"program_id": program_id, "split": split, "position": position, **vars(result)}
            for position, result in results.items()
        ]
        if rows:
            self._happen(connection, EventKind.MEASURED, program_id)
            connection.execute(_INSERT_EVALUATION, rows)

    def _end_call(self, connection: Connection, call: ModelCall) -> None:
        facts = dict(vars(call))
        for constant in ("step", "kind", "digest", "system", "prompt"):
            del facts[constant]
        connection.execute(_END_CALL, {"b_step": call.step, **facts})
        tokens = {"prompt_tokens": call.prompt_tokens, "completion_tokens": call.completion_tokens}
        self._count(connection, {f"calls {call.status}": 1, "cost_usd": call.cost_usd or 0.0, **tokens})

    def _count(self, connection: Connection, more: Mapping[str, float]) -> None:
        connection.execute(_COUNT, [{"name": name, "more": count} for name, count in more.items()])


def _longest(active_s: float) -> Any:
    return case((RunRow.active_s > active_s, RunRow.active_s), else_=active_s)


@contextmanager
def _locked(folder: Path) -> Iterator[RunLock]:
    """Take a run's lock for a store, and give it back where that cannot be opened."""
    lock = RunLock(folder)
    if not lock.acquire():
        pid = ""
        with suppress(UsageError), Store.open(folder) as store:
            pid = f" (process {store._run().pid})"
        raise UsageError(f"{folder} is being worked on by another process{pid}; wait for it or stop it first.")
    try:
        yield lock
    except BaseException:
        lock.release()
        raise
