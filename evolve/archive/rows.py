"""From rows of the tables to records."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, func, select, type_coerce

from evolve.archive.models import EvaluationRow, InsightRow, ModelCallRow, ProgramRow, SelectionRow, from_json
from evolve.archive.packing import unpack
from evolve.archive.records import CallStatus, ModelCall, Program, Role
from evolve.scoring import InstanceResult, Status
from evolve.trial import Fate, Selection, State, Trial

PROGRAM = select(*(column for column in ProgramRow.__table__.columns if column.name != "signature"))
SELECTION = tuple(
    type_coerce(SelectionRow.inspirations, String) if column.name == "inspirations" else column
    for column in SelectionRow.__table__.columns
)
RESULT = tuple(c for c in EvaluationRow.__table__.columns if c.name not in ("program_id", "split", "position"))
TRIAL = (
    SelectionRow.parent_id.label("parent"),
    SelectionRow.place,
    SelectionRow.kind.label("asked"),
    func.coalesce(ProgramRow.kind, SelectionRow.kind).label("kind"),
    SelectionRow.mutator.label("model"),
    type_coerce(SelectionRow.inspirations, String),
    *(SelectionRow.fate, ProgramRow.status, ProgramRow.score),
    *(type_coerce(ProgramRow.scores, String), type_coerce(ProgramRow.metrics, String)),
    *(ProgramRow.chars, ProgramRow.tokens, ProgramRow.cpu_s),
    ModelCallRow.status.label("called"),
    (ModelCallRow.prompt_tokens + ModelCallRow.completion_tokens).label("call_tokens"),
    *(ModelCallRow.cost_usd, ProgramRow.failure, ProgramRow.idea, SelectionRow.note, InsightRow.detail),
    *(ProgramRow.nearest_id.label("nearest"), ProgramRow.likeness),
)
"""Columns that make a trial, in the order of its fields; `with_trial` joins their tables.

A resume reads all trials of a run, so JSON comes as text: SQLAlchemy takes longer to decode it than all the rest.
"""


_STATES = {state.value: state for state in State}
_FATES: dict[str | None, Fate | None] = {None: None, **{fate.value: fate for fate in Fate}}
_STATUSES: dict[str | None, Status | None] = {None: None, **{status.value: status for status in Status}}
"""A look-up here takes a fifth of the time of `Fate(...)`, of which a resume makes several a step."""


def with_trial(chosen: Any, step: Any) -> Any:
    """Join the tables of a trial to rows that have a column with the step's number."""
    return (
        chosen.outerjoin(SelectionRow, SelectionRow.step == step)
        .outerjoin(ProgramRow, ProgramRow.id == step)
        .outerjoin(ModelCallRow, ModelCallRow.step == step)
        .outerjoin(InsightRow, InsightRow.step == step)
    )


def trial_of(id: int, row: Any) -> Trial:
    """Return the trial of a step from a row that holds the columns of `TRIAL`, and perhaps others before them."""
    parent, place, asked, kind, model, inspirations, fate, status, score, scores, metrics, *rest = row[-len(TRIAL) :]
    chars, tokens, cpu_s, call_status, call_tokens, cost_usd, failure, idea, note, detail, nearest, likeness = rest
    return Trial(
        id,
        parent,
        place or "",
        asked or "",
        kind or "",
        model or "",
        () if inspirations in (None, "[]") else tuple(from_json(inspirations)),
        _FATES[fate] or Fate.SCORED,
        _STATUSES[status],
        score,
        tuple(from_json(scores)) if scores else (),
        from_json(metrics) if metrics else {},
        chars or 0,
        tokens or 0,
        cpu_s or 0.0,
        call_status is not None,
        call_status == CallStatus.ANSWERED,
        call_tokens or 0,
        cost_usd,
        failure or "",
        idea or "",
        note or "",
        detail or "",
        nearest,
        likeness,
    )


def selection_of(row: Any) -> Selection:
    """Return the selection of a row that holds the columns of `SELECTION`."""
    step, parent_id, inspirations, place, reason, mutator, kind, novelty, bar_id, known, state, fate, note = row
    others = () if inspirations == "[]" else tuple(from_json(inspirations))
    chosen = (step, parent_id, others, place, reason, mutator, kind, novelty, bar_id, known)
    return Selection(*chosen, _STATES[state], _FATES[fate], note)


def program_of(row: Any) -> Program:
    """Return the program of a row that `PROGRAM` selected."""
    facts = dict(row._mapping)
    facts |= {"role": Role(facts["role"]), "scores": tuple(facts["scores"])}
    return Program(**{**facts, "status": Status(facts["status"]) if facts["status"] else None})


def result_of(row: Any) -> InstanceResult:
    """Return the result of a row that holds the columns of `RESULT`, and perhaps others before them."""
    facts = {column.key: row._mapping[column.key] for column in RESULT}
    return InstanceResult(**{**facts, "status": Status(facts["status"])})


def call_of(row: Any, dictionary: bytes) -> ModelCall:
    """Return the question and answer of a row of `model_calls`. dictionary: of the run's prompts."""
    facts = dict(row._mapping)
    system, _, prompt = unpack(facts.pop("prompt"), dictionary=dictionary).partition("\0")
    given = {"status": CallStatus(facts["status"]), "answer": facts["answer"] or ""}
    return ModelCall(**{**facts, **given, "system": system, "prompt": prompt})
