"""When the programs of a run were made, in time of work, whatever the machine's clock said.

Every event carries the time of the machine that wrote it. That clock may be set while a run works, a run may be resumed
on a machine whose clock is another, and between sessions nobody works. So time of work is added up from event to event,
in the order of their numbers, and the sum is held against how long the run was worked on by a clock that nobody sets.
"""

from __future__ import annotations

from collections.abc import Iterable

from evolve.archive import Event, EventKind, Store

SET_BACK_S = 60.0
"""A clock that is so much behind the event before was set back; by less, it is another driver's."""


def minutes_of_work(store: Store) -> dict[int, float]:
    """Return minutes of work up to the birth of each program, by its id."""
    summary = store.summary()
    events = store.events(EventKind.CHOSEN, EventKind.BORN, EventKind.STOPPED)
    return {id: seconds / 60 for id, seconds in work_s(events, float(summary.started), summary.active_s).items()}


def work_s(events: Iterable[Event], started: float, active_s: float) -> dict[int, float]:
    """Return seconds of work up to the birth of each program, by its id; between 0 and `active_s`.

    events: choices, births and stops, in their order.  started: seconds since the epoch.
    active_s: how long the run was worked on. Where the events took longer, the longest silences among them were none:
    a kill and the time until the resume, a machine that slept, a clock that was set forward.
    """
    steps: list[int | None] = []
    passed: list[float] = []
    last, is_stopped = started, False
    for event in events:
        is_pause = is_stopped or event.time < last - SET_BACK_S
        passed.append(0.0 if is_pause else max(0.0, event.time - last))
        steps.append(event.step if event.kind is EventKind.BORN else None)
        last = event.time if is_pause else max(last, event.time)
        is_stopped = event.kind is EventKind.STOPPED
    excess_s = sum(passed) - active_s
    for place in sorted(range(len(passed)), key=passed.__getitem__, reverse=True):
        if excess_s <= 0:
            break
        cut_s = min(excess_s, passed[place])
        passed[place] -= cut_s
        excess_s -= cut_s
    found: dict[int, float] = {}
    sum_s = 0.0
    for step, more_s in zip(steps, passed, strict=True):
        sum_s += more_s
        if step is not None:
            found[step] = min(sum_s, active_s)
    return found
