"""From rows of the tables to records."""

from __future__ import annotations

from typing import Any

from evolve.archive.models import SelectionRow
from evolve.archive.records import CallStatus, Fate, Selection, StepEnd
from evolve.scoring import Status

_SELECTION = tuple(column.name for column in SelectionRow.__table__.columns)


def selection_of(row: Any) -> Selection:
    """Return the selection that a row with the columns of its table holds."""
    facts = dict(zip(_SELECTION, row, strict=True))
    fate = Fate(facts["fate"]) if facts["fate"] else None
    return Selection(**{**facts, "inspirations": tuple(facts["inspirations"]), "fate": fate})


def step_end_of(
    selection: Selection,
    child_kind: str | None,
    status: str | None,
    score: float | None,
    failure: str | None,
    idea: str | None,
    nearest_id: int | None,
    likeness: float | None,
    call_status: str | None,
    tokens: int | None,
    cost_usd: float | None,
    detail: str | None,
) -> StepEnd:
    """Return the end of a step; what is not there is None."""
    return StepEnd(
        selection,
        child_kind or selection.kind,
        Status(status) if status else None,
        score,
        failure or "",
        idea or "",
        nearest_id,
        likeness,
        called=call_status is not None,
        answered=call_status == CallStatus.ANSWERED,
        tokens=tokens or 0,
        cost_usd=cost_usd,
        detail=detail or "",
    )
