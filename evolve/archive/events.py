"""The events of a run, and which of them may follow which in a step."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from evolve.trial import State


class EventKind(StrEnum):
    """What happened. The first seven put a step into the state of the same name."""

    CHOSEN = "chosen"
    ASKED = "asked"
    ANSWERED = "answered"
    FAILED = "failed"
    BORN = "born"
    SCORED = "scored"
    DROPPED = "dropped"
    MEASURED = "measured"
    KNOWN = "known"
    CHANGED = "changed"
    STOPPED = "stopped"


MOVES: dict[State, frozenset[State]] = {
    State.CHOSEN: frozenset({State.ASKED, State.BORN, State.DROPPED}),
    State.ASKED: frozenset({State.ANSWERED, State.FAILED}),
    State.ANSWERED: frozenset({State.BORN, State.DROPPED}),
    State.BORN: frozenset({State.SCORED}),
    State.FAILED: frozenset(),
    State.SCORED: frozenset(),
    State.DROPPED: frozenset(),
}
"""State of a step -> the states that may follow; an end has none."""

ENDS = frozenset(state for state, after in MOVES.items() if not after)


class Event(NamedTuple):
    """seq: 1, 2, ...  time: seconds since the epoch.  step: 0 for the seed and the run, -1, -2, ... for baselines."""

    seq: int
    time: float
    step: int
    kind: EventKind
