"""What a user may set in either spot domain."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from evaluators.spot_traces.files import Orientation
from evaluators.spot_traces.runs import Rules


class RunOptions(BaseModel):
    """Rules of a run, which each domain describes, and how trace files are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: Rules = "strict"
    orientation: Orientation = Field(
        "not_available",
        description="What a 1 means in trace files given by --data whose metadata do not say: 'not_available', as in "
        "the public benchmark's files, or 'available', as in the traces' own repository.",
    )
