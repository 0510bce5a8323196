"""When the programs of a run were made, in time of work, whatever the machine's clock said.

Every event carries the time of the machine that wrote it. That clock may be set while a run works, a run may be resumed
on a machine whose clock is another, and between sessions nobody works. So time of work is added up from event to event,
in the order of their numbers, and the sum is held against how long the run was worked on by a clock that nobody sets.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from evolve.archive import EventKind, Store

SET_BACK_S = 60.0
"""A clock that is so much behind the event before was set back, or is another driver's; by less, it runs as it may."""


def minutes_of_work(store: Store) -> dict[int, float]:
    """Return minutes of work up to the birth of each program, by its id."""
    summary = store.summary()
    found = work_s(store.moments(), float(summary.started), summary.active_s)
    return {id: seconds / 60 for id, seconds in found.items()}


def work_s(moments: Iterable[tuple[float, int, str]], started: float, active_s: float) -> dict[int, float]:
    """Return seconds of work up to the birth of each program, by its id; between 0 and `active_s`.

    moments: (time, step, kind) of births, stops, and choices where a session begins, in the order of events.
    started: seconds since the epoch, as all times.
    active_s: how long the run was worked on. Where the events took longer, the longest silences among them were none:
    a kill and the time until the resume, a machine that slept, a clock that was set forward.
    """
    born: list[tuple[int, int]] = []
    passed: list[float] = []
    last, ahead_s, is_stopped = started, 0.0, False
    for time, step, kind in moments:
        if kind == EventKind.BORN:
            born.append((step, len(passed)))
        if is_stopped or time < last - SET_BACK_S:
            passed.append(0.0)
            last, ahead_s = time, 0.0 if is_stopped else last - time
        elif time > last + SET_BACK_S and ahead_s:  # by the clock that was before
            passed.append(max(0.0, time - last - ahead_s))
            last, ahead_s = time, 0.0
        else:
            passed.append(max(0.0, time - last))
            last = max(last, time)
        is_stopped = kind == EventKind.STOPPED
    work = np.array(passed)
    longest_first = np.argsort(-work, kind="stable")
    silences = work[longest_first]
    excess_s = np.maximum(0.0, work.sum() - active_s)
    work[longest_first] -= np.clip(excess_s - (np.cumsum(silences) - silences), 0.0, silences)
    so_far = np.minimum(np.cumsum(work), active_s).tolist()
    return {step: so_far[place] for step, place in born}
