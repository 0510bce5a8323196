"""The tables. Nothing outside this folder imports them. Short columns come first: SQLite reads a row only so far."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import JSON, BigInteger, Dialect, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from evolve.archive.packing import MOST_BYTES, MOST_SOURCE_BYTES, pack, unpack

SCHEMA_VERSION = 2


class CompressedText(TypeDecorator[str]):
    """Text, stored deflated: sources and answers shrink to a third."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Take what a text is at most when it is inflated: an archive from elsewhere may hold anything."""
        super().__init__()
        self.most_bytes = most_bytes

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Deflate."""
        return None if value is None else pack(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Inflate."""
        return None if value is None else unpack(value, self.most_bytes)


def compact(value: Any) -> str:
    """Return a value as JSON."""
    return json.dumps(value, separators=(",", ":"))


def from_json(text: str) -> Any:
    """Return what a text of JSON says."""
    try:
        return msgspec.json.decode(text)  # ten times as fast, and there are two of them in a row
    except msgspec.DecodeError:
        return json.loads(text)  # which knows NaN, as old archives may hold it


class JsonText(TypeDecorator[Any]):
    """JSON that PostgreSQL keeps as it was written: its own types refuse NaN."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write it."""
        return None if value is None else compact(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read it."""
        return None if value is None else from_json(value)


_WHOLE = Integer().with_variant(BigInteger(), "postgresql")
_JSON = JSON().with_variant(JsonText(), "postgresql")


class Base(DeclarativeBase):
    """All tables of a run."""

    type_annotation_map = {int: _WHOLE, dict[str, Any]: _JSON, list[int]: _JSON, list[Any]: _JSON}  # noqa: RUF012  (SQLAlchemy reads it so)


class RunRow(Base):
    """The run itself, one row. identity: what the problem and the versions were, as given to `Store.create`."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    schema_version: Mapped[int]
    evaluator: Mapped[str]
    config: Mapped[str]
    identity: Mapped[dict[str, Any]]
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    seed: Mapped[int]
    pid: Mapped[int]
    winner_id: Mapped[int | None]
    active_s: Mapped[float] = mapped_column(default=0.0)
    started: Mapped[float]
    ended: Mapped[float | None]
    prompt_dictionary: Mapped[bytes | None]


class CountRow(Base):
    """A count that is kept, so that nobody has to go through all rows: steps by fate, calls by status, tokens, cost."""

    __tablename__ = "counts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]


class EventRow(Base):
    """One event of the sequence. step: 0 for the seed and the run itself, below 0 for baselines."""

    __tablename__ = "events"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time: Mapped[float]
    step: Mapped[int]
    kind: Mapped[str]


class ProgramRow(Base):
    """A program and its figures on train. scores: one per instance.  signature: of its likeness, 512 bytes."""

    __tablename__ = "programs"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    role: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("programs.id"), index=True)
    place: Mapped[str]
    kind: Mapped[str]
    fingerprint: Mapped[str]
    status: Mapped[str | None]
    score: Mapped[float | None]
    scores: Mapped[list[Any]]
    metrics: Mapped[dict[str, Any]]
    chars: Mapped[int]
    tokens: Mapped[int]
    cpu_s: Mapped[float] = mapped_column(default=0.0)
    failure: Mapped[str] = mapped_column(default="")
    created: Mapped[float]
    idea: Mapped[str] = mapped_column(default="")
    nearest_id: Mapped[int | None]
    likeness: Mapped[float | None]
    signature: Mapped[bytes | None]
    source: Mapped[str] = mapped_column(CompressedText(MOST_SOURCE_BYTES))


Index("programs_by_score", ProgramRow.score.desc(), ProgramRow.id)


class EvaluationRow(Base):
    """A program on one instance."""

    __tablename__ = "evaluations"

    program_id: Mapped[int] = mapped_column(ForeignKey("programs.id"), primary_key=True)
    split: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[str]
    status: Mapped[str]
    score: Mapped[float | None]
    metrics: Mapped[dict[str, Any]]
    feedback: Mapped[str]
    failure: Mapped[str]
    cpu_s: Mapped[float]
    import_cpu_s: Mapped[float]
    wall_s: Mapped[float]
    peak_rss_bytes: Mapped[int]
    output: Mapped[str]

    __table_args__ = ({"sqlite_with_rowid": False},)


class SplitRow(Base):
    """A program on a whole split that the search never sees."""

    __tablename__ = "split_figures"

    program_id: Mapped[int] = mapped_column(ForeignKey("programs.id"), primary_key=True)
    split: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    score: Mapped[float | None]
    metrics: Mapped[dict[str, Any]]


class SelectionRow(Base):
    """What a step was to do, and how far it has come."""

    __tablename__ = "selections"

    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent_id: Mapped[int] = mapped_column(ForeignKey("programs.id"))
    inspirations: Mapped[list[int]]
    place: Mapped[str]
    reason: Mapped[str]
    mutator: Mapped[str]
    kind: Mapped[str] = mapped_column(default="")
    novelty: Mapped[float | None]
    bar_id: Mapped[int | None] = mapped_column(ForeignKey("programs.id"))
    known: Mapped[int]
    state: Mapped[str]
    fate: Mapped[str | None] = mapped_column(index=True)
    note: Mapped[str] = mapped_column(default="")


class ModelCallRow(Base):
    """A question to a model and its answer. prompt: deflated with `runs.prompt_dictionary` as preset dictionary."""

    __tablename__ = "model_calls"

    step: Mapped[int] = mapped_column(ForeignKey("selections.step"), primary_key=True, autoincrement=False)
    model: Mapped[str]
    kind: Mapped[str]
    digest: Mapped[str]
    status: Mapped[str]
    error: Mapped[str] = mapped_column(default="")
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    cached_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    reasoning_tokens: Mapped[int] = mapped_column(default=0)
    wasted_tokens: Mapped[int] = mapped_column(default=0)
    tokens_estimated: Mapped[bool] = mapped_column(default=False)
    cost_usd: Mapped[float | None]
    latency_s: Mapped[float] = mapped_column(default=0.0)
    attempts: Mapped[int] = mapped_column(default=0)
    prompt: Mapped[bytes]
    answer: Mapped[str | None] = mapped_column(CompressedText)


class InsightRow(Base):
    """What a step wrote down of what the run has learnt; its selection's inspirations are the programs it is about."""

    __tablename__ = "insights"

    step: Mapped[int] = mapped_column(ForeignKey("selections.step"), primary_key=True, autoincrement=False)
    line: Mapped[str]
    detail: Mapped[str]
