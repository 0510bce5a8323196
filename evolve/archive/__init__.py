"""What a run has done so far, in a database that can be killed at any moment and continued."""

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
    Summary,
    Told,
)
from evolve.archive.store import Store

__all__ = [
    "CallStatus",
    "CallTotals",
    "Fate",
    "ModelCall",
    "Program",
    "Role",
    "RunStatus",
    "Selection",
    "SplitFigures",
    "Store",
    "Summary",
    "Told",
]
