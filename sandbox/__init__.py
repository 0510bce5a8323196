"""Runs an untrusted program in a confined process and lets trusted code call it. Knows nothing of evolution."""

from sandbox.candidate import Candidate, Run
from sandbox.failures import (
    BadAnswer,
    CandidateFailure,
    Crashed,
    LimitHit,
    OutOfMemory,
    Raised,
    SandboxLost,
    WallHit,
)
from sandbox.limits import Limits
from sandbox.wire import Record, pack
from sandbox.zygote import Sandbox

__all__ = [
    "BadAnswer",
    "Candidate",
    "CandidateFailure",
    "Crashed",
    "LimitHit",
    "Limits",
    "OutOfMemory",
    "Raised",
    "Record",
    "Run",
    "Sandbox",
    "SandboxLost",
    "WallHit",
    "pack",
]
