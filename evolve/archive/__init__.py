"""What a run has done so far, in a database that can be killed at any moment and continued."""

from evolve.archive.damage import damage_of
from evolve.archive.difference import Difference, differences
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
from evolve.archive.store import Store
from evolve.archive.tape import Tape, read_tape, tape_of, to_lines

__all__ = [
    "CallStatus",
    "CallTotals",
    "Difference",
    "Fate",
    "ModelCall",
    "Program",
    "Role",
    "RunStatus",
    "Selection",
    "SplitFigures",
    "StepEnd",
    "Store",
    "Summary",
    "Tape",
    "damage_of",
    "differences",
    "read_tape",
    "tape_of",
    "to_lines",
]
