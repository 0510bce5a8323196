"""The store: writes what a run does, each fact in one short transaction.

The hot path uses Core statements, made once: an ORM session costs more per step than SQLite itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.exc import DatabaseError

from evolve.archive import database
from evolve.archive.lock import RunLock
from evolve.archive.models import (
    SCHEMA_VERSION,
    Base,
    EvaluationRow,
    InsightRow,
    ModelCallRow,
    ProgramRow,
    RunRow,
    SelectionRow,
    SplitRow,
)
from evolve.archive.prompts import PromptCodec
from evolve.archive.reader import Reader
from evolve.archive.records import Fate, ModelCall, Program, Role, RunStatus, Selection
from evolve.errors import UsageError
from evolve.scoring import SplitScore

_INSERT_SELECTION = insert(SelectionRow)
_INSERT_CALL = insert(ModelCallRow)
_INSERT_PROGRAM = insert(ProgramRow)
_INSERT_EVALUATION = insert(EvaluationRow)
_END_STEP = update(SelectionRow).where(SelectionRow.step == bindparam("b_step"))
_END_CALL = update(ModelCallRow).where(ModelCallRow.step == bindparam("b_step"))
_SCORE = update(ProgramRow).where(ProgramRow.id == bindparam("b_id"))
_HEAR_STEP = _END_STEP.values(ended=bindparam("ended"))
_TELL_PROGRAM = _SCORE.values(told=bindparam("told"))
_TAKE_STEP = _END_STEP.values(taken=bindparam("taken"))


class Store(Reader):
    """A run's archive. `create` and `resume` hold the run's lock until `close`; `open` gives one that is only read."""

    @classmethod
    def create(cls, folder: Path, evaluator: str, config: str, seed: int) -> Store:
        """Start a new run in a folder, which is made where it is missing.

        config: the whole configuration as TOML.  Raises UsageError when the folder holds a run or cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / database.NAME).exists():
                raise UsageError(f"{folder} already holds a run. To continue it: evolve resume {folder}")
            lock = _locked(folder)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}. Give another folder with --run.") from None
        try:
            store = cls(folder, True, lock)
        except DatabaseError as error:
            lock.release()
            raise UsageError(f"{folder / database.NAME} cannot be made: {error.orig}.") from None
        with database.transaction(store._connection, folder) as connection:
            Base.metadata.create_all(connection)
            connection.execute(
                insert(RunRow),
                {
                    "id": 1,
                    "schema_version": SCHEMA_VERSION,
                    "evaluator": evaluator,
                    "config": config,
                    "status": RunStatus.RUNNING,
                    "seed": seed,
                    "pid": os.getpid(),
                    "started": time.time(),
                },
            )
        return store

    @classmethod
    def resume(cls, folder: Path, config: str | None = None) -> Store:
        """Take a run over, with a new configuration where one is given.

        Raises UsageError when the folder holds no run, cannot be written, or another process works on the run.
        """
        cls.open(folder).close()
        try:
            lock = _locked(folder)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}; a run is resumed where it lies.") from None
        store = cls._existing(folder, writable=True, lock=lock)
        facts = {"status": RunStatus.RUNNING, "reason": "", "pid": os.getpid(), "ended": None}
        store._write_run(**facts, **({} if config is None else {"config": config}))
        return store

    def add_selection(
        self, selection: Selection, call: ModelCall | None = None, heard: Sequence[tuple[int, int]] = ()
    ) -> None:
        """Commit why a step takes its parent, and the prompt that is about to be sent.

        heard: (step, number) of every ended step that this choice knows of and no earlier one did.
        """
        with database.transaction(self._connection, self.folder) as connection:
            self._add_heard(heard)
            connection.execute(
                _INSERT_SELECTION,
                {
                    "step": selection.step,
                    "parent_id": selection.parent_id,
                    "inspirations": list(selection.inspirations),
                    "island": selection.island,
                    "told": selection.told,
                    "reason": selection.reason,
                    "mutator": selection.mutator,
                    "kind": selection.kind,
                    "novelty": selection.novelty,
                    "bar_id": selection.bar_id,
                    "fate": selection.fate,
                    "note": selection.note,
                },
            )
            if call is not None:
                sent = f"{call.system}\0{call.prompt}"
                if self._prompts.is_empty:
                    self._prompts = PromptCodec.learnt_from(sent)
                    connection.execute(update(RunRow).values(prompt_dictionary=self._prompts.dictionary))
                connection.execute(
                    _INSERT_CALL,
                    {
                        "step": call.step,
                        "model": call.model,
                        "kind": call.kind,
                        "digest": call.digest,
                        "prompt": self._prompts.pack(sent),
                        "status": call.status,
                        "cost_usd": call.cost_usd,
                    },
                )

    def add_heard(self, heard: Sequence[tuple[int, int]]) -> None:
        """Commit the numbers of ended steps that no choice knows of: (step, number)."""
        with database.transaction(self._connection, self.folder):
            self._add_heard(heard)

    def add_answer(self, call: ModelCall) -> None:
        """Commit a model's answer, or that the client gave up, before anybody reads it."""
        with database.transaction(self._connection, self.folder) as connection:
            connection.execute(
                _END_CALL,
                {
                    "b_step": call.step,
                    "model": call.model,
                    "status": call.status,
                    "answer": call.answer,
                    "error": call.error,
                    "prompt_tokens": call.prompt_tokens,
                    "cached_tokens": call.cached_tokens,
                    "tokens_estimated": call.tokens_estimated,
                    "completion_tokens": call.completion_tokens,
                    "reasoning_tokens": call.reasoning_tokens,
                    "wasted_tokens": call.wasted_tokens,
                    "cost_usd": call.cost_usd,
                    "latency_s": call.latency_s,
                    "attempts": call.attempts,
                },
            )

    def add_program(self, program: Program, taken: int | None = None) -> None:
        """Commit a program before it is evaluated. taken: of a child, its number among those that were compared."""
        with database.transaction(self._connection, self.folder) as connection:
            connection.execute(
                _INSERT_PROGRAM,
                {
                    "id": program.id,
                    "role": program.role,
                    "name": program.name,
                    "parent_id": program.parent_id,
                    "island": program.island,
                    "kind": program.kind,
                    "fingerprint": program.fingerprint,
                    "status": program.status,
                    "score": program.score,
                    "metrics": dict(program.metrics),
                    "told": program.told,
                    "created": program.created,
                    "idea": program.idea,
                    "nearest_id": program.nearest_id,
                    "likeness": program.likeness,
                    "source": program.source,
                },
            )
            if taken is not None:
                connection.execute(_TAKE_STEP, {"b_step": program.id, "taken": taken})

    def add_score(self, program: Program, score: SplitScore) -> None:
        """Commit a program's train evaluation. program: with its figures, and `told` where the search hears now."""
        facts: dict[str, Any] = {
            "b_id": program.id,
            "status": program.status,
            "score": program.score,
            "metrics": dict(program.metrics),
            "cpu_s": program.cpu_s,
            "failure": program.failure,
            "told": program.told,
        }
        with database.transaction(self._connection, self.folder) as connection:
            self._add_instances(program.id, score)
            connection.execute(_SCORE, facts)
            if program.role is Role.CHILD:
                connection.execute(_END_STEP, {"b_step": program.id, "fate": Fate.SCORED, "ended": program.told})

    def drop_step(
        self, step: int, fate: Fate, note: str, taken: int, ended: int | None = None, detail: str = ""
    ) -> None:
        """Commit that a step ended without a new program.

        ended: its number among the ends, where it counts from now on.  detail: of an insight, whose line is the note.
        """
        with database.transaction(self._connection, self.folder) as connection:
            facts = {"b_step": step, "fate": fate, "note": note, "taken": taken, "ended": ended}
            connection.execute(_END_STEP, facts)
            if fate is Fate.INSIGHT:
                connection.execute(insert(InsightRow), {"step": step, "line": note, "detail": detail})

    def add_split(self, program_id: int, score: SplitScore) -> None:
        """Commit a program's evaluation on validation, test or public."""
        with database.transaction(self._connection, self.folder) as connection:
            self._add_instances(program_id, score)
            connection.execute(
                insert(SplitRow),
                {
                    "program_id": program_id,
                    "split": score.split,
                    "status": score.status,
                    "score": score.score,
                    "metrics": score.metrics,
                },
            )

    def set_winner(self, program_id: int | None) -> None:
        """Commit which program validation picked; None: the search goes on."""
        self._write_run(winner_id=program_id)

    def set_active(self, active_s: float) -> None:
        """Commit how long the run has been worked on, all resumes together."""
        self._write_run(active_s=active_s)

    def end(self, status: RunStatus, reason: str, active_s: float) -> None:
        """Commit how the run, or this session of it, ended."""
        self._write_run(status=status, reason=reason, active_s=active_s, ended=time.time())

    def _write_run(self, **facts: Any) -> None:
        with database.transaction(self._connection, self.folder) as connection:
            connection.execute(update(RunRow).values(**facts))

    def _add_heard(self, heard: Sequence[tuple[int, int]]) -> None:
        if heard:
            self._connection.execute(_HEAR_STEP, [{"b_step": step, "ended": number} for step, number in heard])
            self._connection.execute(_TELL_PROGRAM, [{"b_id": step, "told": number} for step, number in heard])

    def _add_instances(self, program_id: int, score: SplitScore) -> None:
        rows = [
            {
                "program_id": program_id,
                "split": score.split,
                "position": position,
                "instance_id": result.instance_id,
                "status": result.status,
                "score": result.score,
                "metrics": result.metrics,
                "feedback": result.feedback,
                "failure": result.failure,
                "cpu_s": result.cpu_s,
                "import_cpu_s": result.import_cpu_s,
                "wall_s": result.wall_s,
                "peak_rss_bytes": result.peak_rss_bytes,
                "output": result.output,
            }
            for position, result in enumerate(score.instances)
        ]
        if rows:
            self._connection.execute(_INSERT_EVALUATION, rows)


def _locked(folder: Path) -> RunLock:
    lock = RunLock(folder)
    if not lock.acquire():
        pid = ""
        with suppress(UsageError), Store.open(folder) as store:
            pid = f" (process {store._run().pid})"
        raise UsageError(f"{folder} is being worked on by another process{pid}; wait for it or stop it first.")
    return lock
