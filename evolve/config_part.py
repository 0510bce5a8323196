"""What every part of the configuration is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of the configuration: frozen, and a key that it does not have is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
