"""What became of a layer of isolation on this host."""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """Whether a layer is in force, what exactly, and what to do when it is not."""

    active: bool
    detail: str
    advice: str = ""


OFF = Found(False, "left off on request")
NOT_HERE = Found(False, "only Linux has it", "run evolve in a Linux container or virtual machine")
